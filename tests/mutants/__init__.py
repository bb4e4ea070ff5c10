# SPDX-License-Identifier: Apache-2.0
"""Whether the tests of a pure room notice that the room is changed, place by place.

Tools for this exist. mutmut changes what stands in functions alone, and the limits of these
rooms stand beside them; cosmic-ray writes into the tree and starts pytest, and with it all of
Home Assistant, anew for each change. Here a process that has imported Home Assistant once is
forked for each change, and the change is made to what is compiled, never to a file.
"""
