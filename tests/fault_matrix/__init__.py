# SPDX-License-Identifier: Apache-2.0
"""Every adapter fault against Home Assistant alone and with the integration."""
