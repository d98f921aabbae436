"""The tests that are not run, or not as they are, each with the reason.

A name may be a test's, or for all tests in it a class's or a module's.
"""

from __future__ import annotations

DUMMY = "tasks.test_dummy_backend.DummyBackendTestCase"
IMMEDIATE = "tasks.test_immediate_backend.ImmediateBackendTestCase"
IMMEDIATE_TRANSACTIONS = "tasks.test_immediate_backend.ImmediateBackendTransactionTestCase"
TASK = "tasks.test_tasks.TaskTestCase"

IN_MEMORY = "It ends a task by writing into the dummy's list in memory; here results are rows."
LACKS_RESULTS = "It asserts that results cannot be fetched; here they can."
ORM_IN_COROUTINE = "Its coroutine reads results synchronously, which Django forbids where they are in a database."

EXCLUDED = {
    f"{DUMMY}.test_refresh_result": IN_MEMORY,
    f"{DUMMY}.test_refresh_result_async": IN_MEMORY,
    f"{IMMEDIATE}.test_cannot_get_result": LACKS_RESULTS,
    f"{IMMEDIATE}.test_cannot_refresh_result": LACKS_RESULTS,
    f"{IMMEDIATE}.test_cannot_pass_run_after": "It asserts that a task cannot wait for its time; here it can.",
    f"{IMMEDIATE}.test_throws_keyboard_interrupt": (
        "It asserts that a task's KeyboardInterrupt reaches whoever enqueued it; here that is another process."
    ),
    f"{IMMEDIATE_TRANSACTIONS}.test_doesnt_wait_until_transaction_commit_by_default": (
        "It asserts that a task runs before the transaction that enqueues it is committed; here none does."
    ),
    "tasks.test_custom_backend": "It tests backends that it defines itself; nothing of this product would run.",
}

# Run, with DJANGO_ALLOW_ASYNC_UNSAFE in the environment.
ASYNC_UNSAFE = {
    f"{DUMMY}.test_enqueue_task_async": ORM_IN_COROUTINE,
    f"{TASK}.test_enqueue_task_async": ORM_IN_COROUTINE,
    f"{TASK}.test_refresh_result": ORM_IN_COROUTINE,
}
