# SPDX-License-Identifier: BSD-3-Clause
"""Apps that hold on to one another in each way that models can."""
