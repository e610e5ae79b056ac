"""The demo: a real hub with quotas on one machine. `ci/demo` installs what it needs and starts it."""
