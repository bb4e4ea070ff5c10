# SPDX-License-Identifier: Apache-2.0
"""What public reports about adapters tell, over the real stack."""
