"""Cells that a spreadsheet does not take for formulas. Pure."""

# How what a spreadsheet computes begins; a name of a user or group may begin so, too.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def safe_cell(value: str | float) -> str | float:
    """
    Return *value* so that a spreadsheet shows it as text: what looks like a formula gets an apostrophe before it.

    Source: https://owasp.org/www-community/attacks/CSV_Injection
    """
    return f"'{value}" if isinstance(value, str) and value.lstrip(" ").startswith(_FORMULA) else value
