"""Look at everything that a quota rests on, and say what is wrong and what to do."""

from jupyterhub_quota.doctor.examination import examine_file, examine_hub, examine_prometheus
from jupyterhub_quota.doctor.finding import Diagnosis, Finding, Name

__all__ = ["Diagnosis", "Finding", "Name", "examine_file", "examine_hub", "examine_prometheus"]
