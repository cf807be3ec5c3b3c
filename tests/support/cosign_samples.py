"""What cosign wrote with two keys: the files of the keys, and signatures on two images.

Made with cosign 2.5.0 and 3.1.1 of Debian: `generate-key-pair`, `sign` and `attest` with `--key`,
without a transparency log. No one uses these keys, so the password may be known.
"""

from __future__ import annotations

from ingot.digest import Digest

PASSWORD = b"secret"

PRIVATE_3 = (
    "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n"
    "eyJrZGYiOnsibmFtZSI6InNjcnlwdCIsInBhcmFtcyI6eyJOIjo2NTUzNiwiciI6\n"
    "OCwicCI6MX0sInNhbHQiOiJmQzhIM0t3OFR5TzNkWjFpRzF4WjM4OFh6YTJKVytl\n"
    "S0lqSThlMG1oRjgwPSJ9LCJjaXBoZXIiOnsibmFtZSI6Im5hY2wvc2VjcmV0Ym94\n"
    "Iiwibm9uY2UiOiJBb1JETGhKVW5BOTVEYmN4azdnbFpEWVhmQ0cvYVZabyJ9LCJj\n"
    "aXBoZXJ0ZXh0IjoiS0FiYy9FVEd2SVU3MVBPNUlJTGlvTmEzeHZ5Kzd1Q2Z4ODZ0\n"
    "Ung2UUtkc0ZoM0hjbUFISDJkaDhDMGFSRjFQMTVYRTdOUXpJaVlLL1RkZFUzMS80\n"
    "dzNXdXoxNW5NS25jWXBPc3owNml6V3JVWWF2VEpqdlE1Y0I3TVczMm5LZE1CNENl\n"
    "eXdLTTd6TldSWi9iOUlQQnZlNjVWdTQ0VnZ6NDYvL0NzZjQ1QytocGo0Y1JqcFVM\n"
    "aXNJeG9JeVZLWEVzWmFrODJpWU1WNFd6VlE9PSJ9\n"
    "-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n"
)
"""A private key of cosign 3."""

PUBLIC_3 = (
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEKPOWhP4eRHtNHvFPZNBgJkO9W2Zi\n"
    "UlynjUpzwuQrDGZk8eZP1EUmV9u0fwB4JKCRIq+i4DR2e03DCsaZbwUWgQ==\n"
    "-----END PUBLIC KEY-----\n"
)
"""Its public key."""

SUBJECT_3 = Digest("a61f7ac1d86e2029803d5493ab34506357a40345f47cd5ad3fde9f2c2046674e")
BUNDLE_3 = (
    '{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMateri'
    'al":{"publicKey":{"hint":"gxdLr4Nw1SXdxvZIcxi6QV7XjFCVFMxUqMH5jYI4w7w="}},"dsseE'
    'nvelope":{"payload":"eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEiLCJ'
    "zdWJqZWN0IjpbeyJkaWdlc3QiOnsic2hhMjU2IjoiYTYxZjdhYzFkODZlMjAyOTgwM2Q1NDkzYWIzNDU"
    "wNjM1N2E0MDM0NWY0N2NkNWFkM2ZkZTlmMmMyMDQ2Njc0ZSJ9LCJhbm5vdGF0aW9ucyI6e319XSwicHJ"
    "lZGljYXRlVHlwZSI6Imh0dHBzOi8vc2lnc3RvcmUuZGV2L2Nvc2lnbi9zaWduL3YxIiwicHJlZGljYXR"
    'lIjp7fX0=","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"ME'
    "QCIG3j+O0QVvTa5ik9KkXyF7V7rhKQGyqcFDEUnEpA45qgAiB34xy0aPIRayvd0otH8bAuxgTJF15Eel"
    'EmY/x2PSYBrA=="}]}}'
)
"""The bundle in which that key signs `SUBJECT_3`."""

PRIVATE_2 = (
    "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n"
    "eyJrZGYiOnsibmFtZSI6InNjcnlwdCIsInBhcmFtcyI6eyJOIjo2NTUzNiwiciI6\n"
    "OCwicCI6MX0sInNhbHQiOiI2VFhOMVNuelRWSmdrakpOc1FrNmwyeXZ3eGpXemJG\n"
    "Y25mZXVob05veXlVPSJ9LCJjaXBoZXIiOnsibmFtZSI6Im5hY2wvc2VjcmV0Ym94\n"
    "Iiwibm9uY2UiOiJQTWhwZ2ZVNHJkR3hoM3JZaVZkRG9jUTJWbk1SNCs1eCJ9LCJj\n"
    "aXBoZXJ0ZXh0IjoiOEZqbzBEb2tGSm1sQjQvQmtRYW1qenZaSVk0UDlxL1ZQcEV0\n"
    "L2NzVVliMGNxNW91UjVLQVBxWU5WbXA3RGJLdXllMEtrd2ZvRCs3VHZ2YUZxbytI\n"
    "eVNzdk1LN2M2U2J4SUlXc3UxRG80Z2NmQVZGNktnWjVjMkZaa01uK3Rzb0J3T1ZY\n"
    "OHExZWU0aFJ6ZVNwUXFFbTB4b1p6WUdnUSs0WncyT3BpK3B6c3NSdGp6ZzhQOFY1\n"
    "Tlh4VThVL1J1ZDFDTHNUUEQvY0o4R2FaWGc9PSJ9\n"
    "-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n"
)
"""A private key of cosign 2."""

PUBLIC_2 = (
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEX8peCCYkQBSabXc8bSCiVI3OJBLK\n"
    "ljC5O3ZWK433+SjtyMtZ3Ri/XRQAbI/NlUP5C/SV873cW6MowRt+t2kKgQ==\n"
    "-----END PUBLIC KEY-----\n"
)
"""Its public key."""

SUBJECT_2 = Digest("b848596cf231f6edc3826943e9ba8d33fa642ce9e2c2ed187fb3de26bc166776")
PAYLOAD_2 = (
    '{"critical":{"identity":{"docker-reference":"127.0.0.1:5999/kernel-bin"},"image"'
    ':{"docker-manifest-digest":"sha256:b848596cf231f6edc3826943e9ba8d33fa642ce9e2c2e'
    'd187fb3de26bc166776"},"type":"cosign container image signature"},"optional":null'
    "}"
)
"""The document in which that key signs `SUBJECT_2`."""

SIGNATURE_2 = (
    "MEUCIQDaJTDWGOmutFYp4cFaynzk4aE/F28SZJSEFvAaZDqIewIgZh51dyXc5MHIgs/9CHQ9K8iOo6jn"
    "BPxyYRHpPFJ7Mg8="
)
"""The signature over the document, in base64."""

ENVELOPE_2 = (
    '{"payloadType":"application/vnd.in-toto+json","payload":"eyJfdHlwZSI6Imh0dHBzOi8'
    "vaW4tdG90by5pby9TdGF0ZW1lbnQvdjAuMSIsInByZWRpY2F0ZVR5cGUiOiJodHRwczovL2luLXRvdG8"
    "uaW8vYXR0ZXN0YXRpb24vdGVzdC1yZXN1bHQvdjAuMSIsInN1YmplY3QiOlt7Im5hbWUiOiIxMjcuMC4"
    "wLjE6NTk5OS9rZXJuZWwtYmluIiwiZGlnZXN0Ijp7InNoYTI1NiI6ImI4NDg1OTZjZjIzMWY2ZWRjMzg"
    "yNjk0M2U5YmE4ZDMzZmE2NDJjZTllMmMyZWQxODdmYjNkZTI2YmMxNjY3NzYifX1dLCJwcmVkaWNhdGU"
    'iOnsiaGVsbG8iOiJ3b3JsZCJ9fQ==","signatures":[{"keyid":"","sig":"MEQCIF58CZpCTncK'
    "NrsHNsUqSbPH3nXPKwl7/SFSxqXVVCMEAiAvCAAV+TBboAInJiBPqadA7oBWYMMkEpzMH8Kep+bU9g=="
    '"}]}'
)
"""The envelope of a statement about `SUBJECT_2`."""
