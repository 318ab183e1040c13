"""The rules for secrets that only what stands beside them shows: headers, names, addresses.

Source: tapesredaction(7), "Rules".
"""

from __future__ import annotations

from typing import Final

from tapegit.redact import values
from tapegit.redact.rule import MIXED, Rule

_KEY_NAMES: Final = (
    rb"(?i:passw(?:or)?d|passphrase|[_-]pass|pwd|secret|token|credential"
    rb"|(?:api|access|private|auth|encryption|signing|account|master|shared|service)[_-]?key)"
)
_NAME_REST: Final = rb"(?:s?(?:[_-][A-Za-z0-9_-]*|[A-Z0-9][A-Za-z0-9_]*)?)"
_RAW_BLANKS: Final = rb"(?:\\+[ntr]|[\\\s\"'\[\]])*"
_PEM_KIND: Final = rb"(?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----"

CONTEXT_RULES: Final = (
    Rule(
        "aws-secret-key",
        "AWS secret access keys, beside a name that says so",
        rb"(?i)(?:aws|secret)[a-z_ .-]{0,20}(?:key|access)[\"'\]]{0,2}\s*(?:=>|:=|[:=,])"
        rb"\s*[\"']?([a-z0-9/+]{40})(?:[^a-z0-9/+=]|\z)",
        b"aws_secret_access_key = " + MIXED[:40],
        hint=rb"(?i:aws|secret)[A-Za-z_ .-]{0,20}(?i:key|access)" + _RAW_BLANKS + rb"[=:,]",
        check=values.is_random,
    ),
    Rule(
        "aws-session-token",
        "AWS session tokens, beside a name that says so",
        rb"(?i)(?:session|security)[_-]?token[\"'\]]{0,2}\s*(?:=>|:=|[:=,])"
        rb"\s*[\"']?([a-z0-9/+=]{100,})",
        b"aws_session_token=" + MIXED[:200],
        hint=rb"(?i:session|security)[_-]?(?i:token)" + _RAW_BLANKS + rb"[=:,]",
        check=values.is_random,
    ),
    Rule(
        "private-key",
        "blocks of private keys, whole, of any program; also cut off at the end",
        rb"(-----BEGIN " + _PEM_KIND + rb"(?:[^\"()<>{}]*?-----END " + _PEM_KIND + rb"|"
        rb"(?:\s+[A-Z][A-Za-z-]{2,20}: [^\r\n\"]{0,100}){0,4}(?:"
        rb"[^A-Za-z0-9\"'(){}]{1,16}[0-9]{0,6}[^A-Za-z0-9\"'(){}]{0,8}[A-Za-z0-9+/=]{16,})+))",
        b"-----BEGIN "
        b"RSA PRIVATE KEY-----\n"
        + MIXED[:64]
        + b"\n"
        + MIXED[:40]
        + b"\n-----END "
        + b"RSA PRIVATE KEY-----",
        hint=rb"PRIVATE KEY",
        check=values.has_key_body,
    ),
    Rule(
        "authorization",
        "the header `Authorization` and those like it",
        rb"(?i)\bauthorization[\"'\]]{0,2}\s*[:=,]\s*[\"']?(?:(?:bearer|basic|token|digest|negotiate|apikey|key|aws4-hmac-sha256)\s+)?[\"']?([a-z0-9._~+/=:-]{8,})",
        b"Authorization: Basic " + MIXED[:40],
        hint=rb"(?i:authorization)" + _RAW_BLANKS + rb"[:=,]",
        check=values.is_header_value,
    ),
    Rule(
        "bearer-token",
        "what follows the word `Bearer`",
        rb"(?i)\bbearer\s+([a-z0-9._~+/=-]{20,})",
        b"Bearer " + MIXED[:40],
        hint=rb"(?i:bearer)(?:\\|\s)",
        check=values.is_random,
    ),
    Rule(
        "key-header",
        "the header `X-Api-Key` and those like it",
        rb"(?i)\b(?:x-api-key|api-key|x-goog-api-key|x-[a-z-]{0,20}(?:auth|access|security|session|private)-token|private-token|x-auth-key|x-gitlab-token|x-vault-token|ocp-apim-subscription-key|x-functions-key)[\"'\]]{0,2}\s*[:,=]\s*[\"']?([a-z0-9._~+/=-]{8,})",
        b"x-api-key: " + MIXED[:40],
        hint=rb"(?i:-key|-token)" + _RAW_BLANKS + rb"[:,=]",
        check=values.is_header_value,
    ),
    Rule(
        "cookie",
        "the headers `Cookie` and `Set-Cookie`",
        rb"(?i)\b(?:set-)?cookie[\"'\]]{0,2}\s*[:,]\s*[\"'\[]{0,2}([a-z0-9_.%-]{1,100}=[^\r\n\"'<>\\]{4,})",
        b"Cookie: session=" + MIXED[:32] + b"; theme=dark",
        hint=rb"(?i:cookie)" + _RAW_BLANKS + rb"[:,]" + _RAW_BLANKS + rb"[A-Za-z0-9_.%-]+=",
        check=values.has_cookie,
    ),
    Rule(
        "url-password",
        "passwords in addresses",
        rb"(?i)\b[a-z][a-z0-9+.-]{1,30}://[^\s:/?#@\"'<>\[\]\\]*:([^\s/@\"'<>\\]{3,})@[a-z0-9.\[_%-]",
        b"postgres://app:" + MIXED[:16] + b"@db.internal:5432/app",
        hint=rb":\\*/\\*/[^\s/@\"]*:[^\s/@\"]*@",
        check=values.is_password,
    ),
    Rule(
        "url-token",
        "tokens in the place of the user of an address",
        rb"(?i)\bhttps?://([a-z0-9_-]{20,})@[a-z0-9]",
        b"https://" + MIXED[:40] + b"@git.example.org/x",
        hint=rb"(?i:https?):\\*/\\*/[A-Za-z0-9_\\-]{20,}@",
        check=values.is_random,
    ),
    Rule(
        "url-parameter",
        "credentials in the query of an address",
        rb"(?i)[?&](?:[a-z_-]{0,20}(?:token|api_?key|secret|password|signature)|key|sig|auth)=([a-z0-9._~%+/-]{16,})",
        b"https://api.example.org/v1?key=" + MIXED[:39],
        hint=rb"(?i)(?:[?&]|\\u0026)[a-z_-]*(?:token|key|secret|password|signature|sig|auth)=",
        check=values.is_random,
    ),
    Rule(
        "named-value",
        "the value beside a name, as lists of variables and headers have it",
        rb"(?i)[\"'](?:name|key)[\"']\s*:\s*[\"'][a-z0-9_.-]*"
        + _KEY_NAMES
        + _NAME_REST
        + rb"[\"']\s*,\s*[\"']value[\"']\s*:\s*[\"']([^\s\"'\\]{8,})[\"']",
        b'{"name":"DB_PASSWORD","value":"' + MIXED[:16] + b'"}',
        hint=_KEY_NAMES + rb"[A-Za-z0-9_-]*" + _RAW_BLANKS + rb"," + _RAW_BLANKS + rb"(?i:value)",
        check=values.is_assigned,
    ),
    Rule(
        "option",
        "options of a command line such as `--password`",
        rb"(?i)(?:^|\s)--?[a-z-]*(?:password|passphrase|token|secret|api-key)[ =]"
        rb"\s*[\"']?([^\s\"'\\]{8,})",
        b"login --password " + MIXED[:16],
        hint=rb"(?i)-(?:[a-z-]*)(?:password|passphrase|token|secret|api-key)[ =]",
        check=values.is_assigned,
    ),
    Rule(
        "curl-user",
        "the password of `curl --user`",
        rb"\bcurl\b[^\r\n]*\s(?:-u|--user)[ =]?\s*[\"']?[^\s:\"'\\]+:([^\s\"'\\]{3,})",
        b"curl -u app:" + MIXED[:16] + b" https://example.org",
        hint=rb"curl[^\n]*(?:-u|--user)[ =\\\"']*[^\s:]+:",
        check=values.is_password,
    ),
    Rule(
        "netrc",
        "passwords of `.netrc`",
        rb"\bmachine\s+[^\s\"\\]+\s+login\s+[^\s\"\\]+\s+password\s+([^\s\"\\]{3,})",
        b"machine example.org login bob password " + MIXED[:16],
        hint=rb"machine[^\n]*login[^\n]*password",
        check=values.is_password,
    ),
    Rule(
        "element",
        "elements of XML such as `<password>`",
        rb"<(?i:[a-z0-9_.:-]*)" + _KEY_NAMES + _NAME_REST + rb">\s*([^\s<>\"']{8,})\s*</",
        b"<dbPassword>" + MIXED[:16] + b"</dbPassword>",
        hint=_KEY_NAMES + rb"[A-Za-z0-9_-]*(?:>|\\u003[eE])",
        check=values.is_assigned,
    ),
    Rule(
        "assignment",
        "what a name such as `password`, `secret`, `token` or `api_key` is set to",
        _KEY_NAMES + _NAME_REST + rb"(?:\\*[\"'\]]){0,2}[ \t]{0,8}(?:=>|:=|==?|:)[ \t]{0,8}"
        rb"(?:\\*[\"']([^\s\"'\\]{8,})\\*[\"']|([^\s\"'\\,;&<>(){}\[\]]{8,}))",
        b"DB_PASSWORD=" + MIXED[:16],
        hint=_KEY_NAMES
        + rb"[A-Za-z0-9_-]*"
        + _RAW_BLANKS
        + rb"(?:=>|:=|=|:)"
        + _RAW_BLANKS
        + rb"[^\s\\\"',(){}<\[\]][^\s,]{7}",
        check=values.is_assigned,
    ),
)

CUT_OFF_NAME: Final = "cut-off"
CUT_OFF_PATTERN: Final = (
    rb"\b((?:sk-|AIza|AKIA|ASIA|ABSK|gh[pousr]_|github_pat_|gl[a-z]{2,5}-|xox[a-z]-|xapp-|npm_"
    rb"|[sr]k_(?:live|test|prod)_|pypi-|hf_|gsk_|xai-|r8_|hvs\.|ya29\.|GOCSPX-|SG\.|eyJ)"
    rb"[A-Za-z0-9_.+/=-]*)\z"
    rb"|(-----BEGIN " + _PEM_KIND + rb"[^\"]+)\z"
    rb"|(?i:bearer |basic |"
    + _KEY_NAMES
    + _NAME_REST
    + rb"(?:\\*[\"'\]]){0,2}[ \t]{0,8}(?:=>|:=|==?|:)[ \t]{0,8}\\*[\"']?)([^\s\"'\\]+)\z"
    rb"|(?i://[^\s:/?#@\"'<>\[\]\\]*):([^\s/@\"'<>\\]+)\z"
)
"""What may be the beginning of a secret at the very end of a source that is still written."""
