# SPDX-License-Identifier: Apache-2.0
"""Times that both the guest and the judgement go by, in virtual seconds."""

from typing import Final

# The integration's default interval, and that of the plain poller.
ONE_INTERVAL: Final = 60.0
# Reads that come no further apart than this go on; a single lost poll is no gap.
LONGEST_GAP: Final = 2.5 * ONE_INTERVAL
# Reads that go on for so long are there to stay: bluetoothd and bleak remember a device
# for minutes, so that polls succeed for a while when nobody scans any more.
STEADY: Final = 480.0
# Between two measurements of what Home Assistant holds, in a soak.
SAMPLE_EVERY: Final = 3600.0
# With waiting for advertisements; one that takes longer has lost something.
LONGEST_POLL: Final = 30.0
# A poll that meets a reset of Home Assistant's own finds nobody; it is made again after that.
FAILED_POLL: Final = 20.0
# A notice goes once nothing has been wrong for five minutes; looked at every 30 seconds.
NOTICE_GOES: Final = 360.0
