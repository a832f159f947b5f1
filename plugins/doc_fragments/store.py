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
      - V(az://container/prefix) is a container of Azure Blob Storage, in the storage account O(account).
      - V(file:///mnt/efs/static) is a folder that the host of the task shares with the web hosts. It has to exist, so
        that a file system which is not mounted is noticed. Its mode and group are given to what is put into it, so
        they decide who can read that. Such a store keeps no headers; the web server gives them, as the role
        P(trundle.django.nginx#role) sets it up to.
      - The prefix is a folder, so that V(static) never means V(static-old/) too.
    type: str
    required: true
  region:
    description:
      - For V(s3://) stores, the region that the bucket is in.
      - Without it the region comes from E(AWS_DEFAULT_REGION) or the profile, as boto3 finds it, else it is
        V(us-east-1).
    type: str
    aliases: [aws_region]
  profile:
    description:
      - For V(s3://) stores, the profile to sign in with, from the AWS configuration files of the host that the task
        runs on.
      - E(AWS_PROFILE) is honoured too. Not together with O(access_key).
    type: str
    aliases: [aws_profile]
  endpoint_url:
    description:
      - The address of a server that speaks S3, instead of Amazon's. V(http) addresses are allowed.
      - For V(az://) stores, the address of the storage account's blobs where it is not
        C(https://<account>.blob.core.windows.net), as in other clouds of Azure.
      - For V(s3://) stores E(AWS_URL), E(AWS_ENDPOINT_URL_S3), E(AWS_ENDPOINT_URL) and the profile's C(endpoint_url)
        are honoured too, in this order.
    type: str
    aliases: [aws_endpoint_url]
  access_key:
    description:
      - For V(s3://) stores, the id of the access key. Without it boto3 looks for credentials, in
        E(AWS_ACCESS_KEY_ID), the profile, single sign-on or the instance role.
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
  addressing_style:
    description:
      - For V(s3://) stores, whether the bucket is named in the path of an address or as the first part of the host's
        name.
      - With V(auto) it is the path where O(endpoint_url) is given, and the name at Amazon.
    type: str
    choices: [auto, path, virtual]
    default: auto
  checksum_algorithm:
    description:
      - For V(s3://) stores, the checksum that is sent with each object and kept beside it, so that the server refuses
        bytes that were damaged on the way.
      - With V(auto) it is SHA-256 at Amazon, and none where O(endpoint_url) is given, as not every server knows it. The
        signature of a request covers the SHA-256 of its bytes in any case.
    type: str
    choices: [auto, sha256, none]
    default: auto
  encryption_mode:
    description:
      - For V(s3://) stores, the server-side encryption of the objects, V(AES256) with keys of S3 or V(aws:kms) with a
        key of KMS. Without it, that of the bucket.
      - With V(aws:kms) the store no longer tells an object's MD5.
    type: str
    choices: [AES256, 'aws:kms']
  encryption_kms_key_id:
    description:
      - The key of KMS, where it is not the account's own for S3. Needs O(encryption_mode=aws:kms).
    type: str
  account:
    description:
      - For V(az://) stores, the name of the storage account. Without it, E(AZURE_STORAGE_ACCOUNT), or the first part of
        O(endpoint_url).
    type: str
    aliases: [storage_account_name, storage_account, account_name]
  account_key:
    description:
      - For V(az://) stores, a key of the storage account.
      - Without it, O(sas_token) and O(client_id), the key or SAS is taken from E(AZURE_STORAGE_KEY) or
        E(AZURE_STORAGE_SAS_TOKEN); where these are not set either, azure-identity looks for credentials, in the
        environment, a workload or managed identity, or the Azure CLI.
    type: str
  sas_token:
    description:
      - For V(az://) stores, a shared access signature for the blob service, its containers and objects, with the
        permissions to read, write, delete, list and create.
    type: str
  tenant:
    description:
      - For V(az://) stores, the tenant of the service principal.
    type: str
    aliases: [tenant_id]
  client_id:
    description:
      - For V(az://) stores, the service principal to sign in as, with O(secret) and O(tenant), or the managed identity
        to sign in with, where the host has several. It needs the role C(Storage Blob Data Contributor).
    type: str
  secret:
    description:
      - For V(az://) stores, the secret of the service principal.
    type: str
    aliases: [client_secret]
  retries:
    description:
      - How often a request is sent again, with growing pauses, when the server or the line fails.
    type: int
    default: 5
requirements:
  - Python >= 3.11
  - obstore >= 0.12, for C(s3://) and C(az://) stores
  - boto3 >= 1.40, for C(s3://) stores whose keys are not both given as options
  - azure-identity >= 1.20, for C(az://) stores without a key or SAS
notes:
  - Environment variables and configuration files of AWS and Azure are read on the host that the task runs on.
  - Credentials show neither in results nor in messages, and are written nowhere.
"""
