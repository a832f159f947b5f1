# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  store:
    description:
      - The store of the static files, as a URL.
      - V(s3://bucket/prefix) is a bucket of Amazon S3, or with O(endpoint_url) of a server that speaks S3.
        The prefix is a folder, so that V(static) never means V(static-old/) too.
    type: str
    required: true
  region:
    description:
      - The region that the bucket is in.
      - Without it the region comes from E(AWS_DEFAULT_REGION) or the profile, as boto3 finds it, else it is
        V(us-east-1).
    type: str
    aliases: [aws_region]
  profile:
    description:
      - The profile to sign in with, from the AWS configuration files of the host that the task runs on.
      - E(AWS_PROFILE) is honoured too. Not together with O(access_key).
    type: str
    aliases: [aws_profile]
  endpoint_url:
    description:
      - The address of a server that speaks S3, instead of Amazon's. V(http) addresses are allowed.
      - E(AWS_URL), E(AWS_ENDPOINT_URL_S3), E(AWS_ENDPOINT_URL) and the profile's C(endpoint_url) are honoured too,
        in this order.
    type: str
    aliases: [aws_endpoint_url]
  access_key:
    description:
      - The id of the access key. Without it boto3 looks for credentials, in E(AWS_ACCESS_KEY_ID), the profile,
        single sign-on or the instance role.
      - Needs O(secret_key).
    type: str
    aliases: [aws_access_key_id, aws_access_key]
  secret_key:
    description:
      - The secret of the access key; see O(access_key).
    type: str
    aliases: [aws_secret_access_key, aws_secret_key]
  session_token:
    description:
      - The token that belongs to temporary keys; see O(access_key).
    type: str
    aliases: [aws_session_token]
  retries:
    description:
      - How often a request is sent again, with growing pauses, when the server or the line fails.
    type: int
    default: 5
requirements:
  - Python >= 3.11
  - obstore >= 0.12
  - boto3 >= 1.40
notes:
  - Environment variables and AWS configuration files are read on the host that the task runs on.
  - Credentials show neither in results nor in messages, and are written nowhere.
"""
