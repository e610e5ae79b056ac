"""Read the policy document: all that is wrong with it at once, or the policy that it means."""

from jupyterhub_quota.document.contradictions import policy_warnings
from jupyterhub_quota.document.model import policy_schema
from jupyterhub_quota.document.reading import load_policy, parse_policy, policy_from_mapping

__all__ = ["load_policy", "parse_policy", "policy_from_mapping", "policy_schema", "policy_warnings"]
