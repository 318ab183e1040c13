"""The rules for tokens that show by their form whose they are.

Written from the forms that providers document; no list of another program is in it.

Source: tapesredaction(7), "Rules".
"""

from __future__ import annotations

from typing import Final

from tapegit.redact.rule import HEX, LOWER, MIXED, UPPER, Rule

_HEX_START: Final = rb"[0-9a-f]{10}"
_BODY_START: Final = rb"[A-Za-z0-9_.+/=\\-]{10}"


def _prefixed(
    name: str,
    meaning: str,
    prefix: bytes,
    body: bytes,
    example: bytes,
    *,
    start: bytes = _BODY_START,
) -> Rule:
    """Return a rule for tokens that begin with something of their own.

    The prefix has no alternatives and no special characters but those that are escaped. Where
    it is short, `start` says what the bytes that follow it begin with, escaped or not.
    """
    literal = prefix.replace(b"\\", b"")
    return Rule(
        name,
        meaning,
        rb"\b(" + prefix + body + rb")",
        literal + example,
        hint=prefix + start,
    )


PROVIDER_RULES: Final = (
    _prefixed(
        "anthropic-key", "Anthropic", rb"sk-ant-", rb"[A-Za-z0-9_-]{20,}", b"api03-" + MIXED[:93]
    ),
    Rule(
        "openai-key",
        "OpenAI projects, service accounts, administrators",
        rb"\b(sk-(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{20,})",
        b"sk-proj-" + MIXED[:64],
        hint=rb"sk-(?:proj|svcacct|admin|None)-",
    ),
    _prefixed(
        "openrouter-key",
        "OpenRouter",
        rb"sk-or-",
        rb"(?:v[0-9]-)?[A-Za-z0-9]{32,}",
        b"v1-" + HEX[:64],
    ),
    Rule(
        "sk-key",
        "OpenAI of old, DeepSeek, Moonshot, DashScope and others",
        rb"\b(sk-[A-Za-z0-9]{32,64})\b",
        b"sk-" + MIXED[:48],
        hint=rb"sk-[A-Za-z0-9]{32}",
    ),
    _prefixed("google-key", "Google APIs, Gemini", rb"AIza", rb"[A-Za-z0-9_-]{35}\b", MIXED[:35]),
    _prefixed(
        "google-oauth-secret",
        "Google OAuth clients",
        rb"GOCSPX-",
        rb"[A-Za-z0-9_-]{20,}",
        MIXED[:28],
    ),
    _prefixed("google-oauth-token", "Google OAuth", rb"ya29\.", rb"[A-Za-z0-9_-]{20,}", MIXED[:64]),
    Rule(
        "aws-access-key",
        "AWS access key ids",
        rb"\b((?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16})\b",
        b"AKIA" + UPPER[:16],
        hint=rb"A(?:KIA|SIA|BIA|CCA)[A-Z2-7]{4}",
    ),
    _prefixed(
        "aws-bedrock-key", "AWS Bedrock", rb"ABSK", rb"[A-Za-z0-9+/]{100,}={0,2}", MIXED[:120]
    ),
    Rule(
        "azure-storage-key",
        "Azure storage accounts",
        rb"(?i:AccountKey=)([A-Za-z0-9+/]{86}==)",
        b"AccountKey=" + MIXED[:86] + b"==",
        hint=rb"(?i:AccountKey=)",
    ),
    Rule(
        "github-token",
        "GitHub",
        rb"\b(gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255})",
        b"ghp_" + MIXED[:36],
        hint=rb"(?:gh[pousr]_|github_pat_)[A-Za-z0-9]{10}",
    ),
    Rule(
        "gitlab-token",
        "GitLab",
        rb"\b(gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|soat|ffct|oas)-[A-Za-z0-9_.-]{20,})",
        b"glpat-" + MIXED[:20],
        hint=rb"gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|soat|ffct|oas)-",
    ),
    Rule(
        "slack-token",
        "Slack",
        rb"\b(xox[abeoprs]-[A-Za-z0-9-]{10,}|xapp-[0-9]-[A-Za-z0-9-]{20,})",
        b"xoxb-" + b"123456789012-" + MIXED[:24],
        hint=rb"xox[abeoprs]-|xapp-",
    ),
    Rule(
        "slack-webhook",
        "Slack webhooks",
        rb"hooks\.slack\.com/(?:services|workflows|triggers)/([A-Za-z0-9_/-]{30,})",
        b"https://hooks.slack.com/services/T" + UPPER[:8] + b"/B" + UPPER[8:16] + b"/" + MIXED[:24],
        hint=rb"hooks\.slack\.com",
    ),
    Rule(
        "discord-webhook",
        "Discord webhooks",
        rb"discord(?:app)?\.com/api/webhooks/[0-9]+/([A-Za-z0-9_-]{60,})",
        b"https://discord.com/api/webhooks/1234567890/" + MIXED[:68],
        hint=rb"discord(?:app)?\.com",
    ),
    Rule(
        "stripe-key",
        "Stripe",
        rb"\b((?:sk|rk)_(?:live|test|prod)_[A-Za-z0-9]{16,255}|whsec_[A-Za-z0-9+/=]{24,})",
        b"sk_live_" + MIXED[:24],
        hint=rb"[sr]k_(?:live|test|prod)_|whsec_",
    ),
    _prefixed("npm-token", "npm", rb"npm_", rb"[A-Za-z0-9]{36}\b", MIXED[:36]),
    _prefixed("pypi-token", "PyPI", rb"pypi-AgE", rb"[A-Za-z0-9_-]{50,}", MIXED[:150]),
    Rule(
        "huggingface-token",
        "Hugging Face",
        rb"\b((?:hf|api_org)_[A-Za-z0-9]{30,})",
        b"hf_" + MIXED[:34],
        hint=rb"(?:hf|api_org)_[A-Za-z0-9]{16}",
    ),
    _prefixed("groq-key", "Groq", rb"gsk_", rb"[A-Za-z0-9]{40,}", MIXED[:52]),
    _prefixed("xai-key", "xAI", rb"xai-", rb"[A-Za-z0-9]{60,}", MIXED[:80]),
    _prefixed("perplexity-key", "Perplexity", rb"pplx-", rb"[A-Za-z0-9]{40,}", MIXED[:48]),
    _prefixed("replicate-token", "Replicate", rb"r8_", rb"[A-Za-z0-9]{37}\b", MIXED[:37]),
    _prefixed("cerebras-key", "Cerebras", rb"csk-", rb"[A-Za-z0-9]{40,}", LOWER[:48]),
    _prefixed("nvidia-key", "NVIDIA", rb"nvapi-", rb"[A-Za-z0-9_-]{60,}", MIXED[:64]),
    Rule(
        "langsmith-key",
        "LangSmith",
        rb"\b(lsv2_(?:pt|sk)_[A-Za-z0-9]{32}_[A-Za-z0-9]{10})",
        b"lsv2_pt_" + HEX[:32] + b"_" + HEX[:10],
        hint=rb"lsv2_",
    ),
    _prefixed("tavily-key", "Tavily", rb"tvly-", rb"[A-Za-z0-9-]{20,}", MIXED[:32]),
    _prefixed(
        "sendgrid-key",
        "SendGrid",
        rb"SG\.",
        rb"[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}",
        MIXED[:22] + b"." + MIXED[:43],
    ),
    _prefixed("mailgun-key", "Mailgun", rb"key-", rb"[0-9a-f]{32}\b", HEX[:32], start=_HEX_START),
    Rule(
        "digitalocean-token",
        "DigitalOcean",
        rb"\b(do[opr]_v1_[a-f0-9]{64})",
        b"dop_v1_" + HEX[:64],
        hint=rb"do[opr]_v1_",
    ),
    _prefixed(
        "databricks-token",
        "Databricks",
        rb"dapi",
        rb"[a-f0-9]{32}\b",
        HEX[:32],
        start=_HEX_START,
    ),
    _prefixed("docker-token", "Docker Hub", rb"dckr_pat_", rb"[A-Za-z0-9_-]{20,}", MIXED[:27]),
    Rule(
        "vault-token",
        "HashiCorp Vault",
        rb"\b(hv[sbr]\.[A-Za-z0-9_-]{24,})",
        b"hvs." + MIXED[:90],
        hint=rb"hv[sbr]\.",
    ),
    Rule(
        "terraform-token",
        "Terraform Cloud",
        rb"\b([A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,})",
        MIXED[:14] + b".atlasv1." + MIXED[:67],
        hint=rb"\.atlasv1\.",
    ),
    Rule(
        "shopify-token",
        "Shopify",
        rb"\b(shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32})",
        b"shpat_" + HEX[:32],
        hint=rb"shp(?:at|ca|pa|ss)_",
    ),
    Rule(
        "telegram-token",
        "Telegram bots",
        rb"\b([0-9]{8,10}:AA[A-Za-z0-9_-]{33})\b",
        b"1234567890:AA" + MIXED[:33],
        hint=rb"[0-9]:AA[A-Za-z0-9_-]{10}",
    ),
    _prefixed("linear-key", "Linear", rb"lin_api_", rb"[A-Za-z0-9]{32,}", MIXED[:40]),
    _prefixed("notion-token", "Notion", rb"ntn_", rb"[A-Za-z0-9]{40,}", MIXED[:46]),
    _prefixed("figma-token", "Figma", rb"figd_", rb"[A-Za-z0-9_-]{36,}", MIXED[:40]),
    Rule(
        "sentry-token",
        "Sentry",
        rb"\b(sntry[su]_[A-Za-z0-9_=+/-]{40,})",
        b"sntryu_" + HEX[:64],
        hint=rb"sntry[su]_",
    ),
    _prefixed(
        "grafana-token",
        "Grafana",
        rb"glsa_",
        rb"[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}",
        MIXED[:32] + b"_" + HEX[:8],
    ),
    _prefixed("newrelic-key", "New Relic", rb"NRAK-", rb"[A-Z0-9]{27}", UPPER[:27]),
    _prefixed(
        "postman-key",
        "Postman",
        rb"PMAK-",
        rb"[a-f0-9]{24}-[a-f0-9]{34}",
        HEX[:24] + b"-" + HEX[:34],
    ),
    _prefixed("supabase-token", "Supabase", rb"sbp_", rb"[a-f0-9]{40}", HEX[:40]),
    _prefixed(
        "planetscale-token",
        "PlanetScale",
        rb"pscale_",
        rb"(?:tkn|pw|oauth)_[A-Za-z0-9_.-]{30,}",
        b"tkn_" + MIXED[:43],
    ),
    _prefixed("atlassian-token", "Atlassian", rb"ATATT3", rb"[A-Za-z0-9_=-]{100,}", MIXED[:180]),
    _prefixed("age-key", "age", rb"AGE-SECRET-KEY-1", rb"[0-9A-Z]{58}", (UPPER * 2)[:58]),
    Rule(
        "jwt",
        "JSON web tokens",
        rb"\b(eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}(?:\.[A-Za-z0-9_-]{10,})?)",
        b"eyJ" + MIXED[:33] + b".eyJ" + MIXED[:60] + b"." + MIXED[:43],
        hint=rb"\.eyJ",
    ),
)
