/* SPDX-License-Identifier: Apache-2.0 */
/* Entropy that is the same in every run, for User Mode Linux, which asks its host.
 *
 * All that is random in the guest comes from here: its programs' identifiers, the order of
 * their sets, the kernel's delays. Runs that differ in them part after a while.
 */

#include <stdint.h>
#include <sys/random.h>

ssize_t getrandom(void *buffer, size_t size, unsigned int flags)
{
	/* SplitMix64, by Steele, Lea and Flood. */
	static uint64_t state;
	uint64_t word = 0;

	(void)flags;
	for (size_t i = 0; i < size; i++, word >>= 8) {
		if (i % sizeof(word) == 0) {
			word = state += 0x9e3779b97f4a7c15;
			word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9;
			word = (word ^ word >> 27) * 0x94d049bb133111eb;
			word ^= word >> 31;
		}
		((unsigned char *)buffer)[i] = word;
	}
	return size;
}
