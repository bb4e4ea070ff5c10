# SPDX-License-Identifier: Apache-2.0
"""What runs inside the guest besides the radio: the services, the observers, the scripts."""
