/* SPDX-License-Identifier: Apache-2.0 */
/* The clock of an event loop, read once after each wait.
 *
 * Under time-travel=inf-cpu time passes in waits alone, so what an event loop reads between
 * two of them is always the same. User Mode Linux has no cheap clock, and the loops look at
 * it all the time: GLib, built with tracing as Debian does, twice for each source at every
 * turn. More than half of a long run's cost was that. A thread without an event loop, which
 * may wait elsewhere, reads the real clock.
 */

#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define KERNEL_SIGSET_BYTES 8

enum reading { NO_LOOP, UNREAD, READ };

static __thread enum reading reading;
static __thread struct timespec now;

int clock_gettime(clockid_t clock, struct timespec *time)
{
	if (clock != CLOCK_MONOTONIC || reading == NO_LOOP)
		return syscall(SYS_clock_gettime, clock, time);
	if (reading == UNREAD && syscall(SYS_clock_gettime, clock, &now))
		return -1;
	reading = READ;
	*time = now;
	return 0;
}

int ppoll(struct pollfd *files, nfds_t count, const struct timespec *limit,
	  const sigset_t *mask)
{
	/* The kernel writes what is left of the limit back. */
	struct timespec left = limit ? *limit : (struct timespec){0};
	int result = syscall(SYS_ppoll, files, count, limit ? &left : NULL, mask,
			     KERNEL_SIGSET_BYTES);
	reading = UNREAD;
	return result;
}

int epoll_wait(int epoll, struct epoll_event *events, int most, int milliseconds)
{
	int result = syscall(SYS_epoll_wait, epoll, events, most, milliseconds);
	reading = UNREAD;
	return result;
}
