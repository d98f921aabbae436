"""A run in which everything that can be killed, stopped or restarted is, while hundreds of tasks go on.

`make chaos` does one on each database; `tests/system/test_chaos.py` a short one. See docs/reliability.md.
"""
