"""Django's own tests of its tasks, run with this product's backend and real processes.

`make conformance` fetches them with each Django that has them; nothing of them is kept or changed here.
"""
