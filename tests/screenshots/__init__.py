# SPDX-License-Identifier: Apache-2.0
"""Pictures of the demo for the documentation, taken by a browser."""
