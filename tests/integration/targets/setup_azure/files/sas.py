# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a shared access signature: python sas.py ACCOUNT KEY PERMISSIONS MINUTES.

https://learn.microsoft.com/en-us/rest/api/storageservices/create-account-sas says what is signed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import sys
from datetime import datetime, timedelta, timezone
from urllib.parse import urlencode

VERSION = "2020-08-04"

account, key, permissions, minutes = sys.argv[1:]
now = datetime.now(timezone.utc)
start, end = (
    f"{now + timedelta(minutes=offset):%Y-%m-%dT%H:%M:%SZ}" for offset in (min(-5, int(minutes) - 5), int(minutes))
)
signed = f"{account}\n{permissions}\nb\nco\n{start}\n{end}\n\n\n{VERSION}\n"
signature = hmac.new(base64.b64decode(key), signed.encode(), hashlib.sha256).digest()
parts = {"sv": VERSION, "ss": "b", "srt": "co", "sp": permissions, "st": start, "se": end}
print(urlencode({**parts, "sig": base64.b64encode(signature).decode()}))
