"""The transitions under concurrent actors, stale knowledge, lost replies and errors, in any order."""

from __future__ import annotations

import logging
from functools import partial

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from brokerless import attempts, dispatch, finish, leftovers, reap, signals, transitions
from brokerless.admission import admit
from brokerless.models import Host, TaskState
from brokerless.processes import Process
from brokerless.runtime_dir import TaskFiles
from tests.runner.played_world import (
    OUTCOMES,
    FatefulLauncher,
    LookedUp,
    Monitor,
    kill_marked,
    kill_tree,
    let_time_pass,
    world,
)
from tests.runner.watched_rows import ARROWS, WatchedRows

Status = TaskState.Status
HOSTS = st.sampled_from(["here", "there"])
TASKS_LIMIT = 4
FAULTS = st.just([]) | st.lists(
    st.sampled_from([None, "lost reply", "error", "cancel", "reap", "end", "dispatch"]), max_size=4
)


class Actors(RuleBasedStateMachine):
    """Each rule is what one of many processes might do next."""

    copies = Bundle("copies")  # of rows, as somebody read them at some time

    @initialize()
    def begin(self):
        TaskState.objects.all().delete()
        Host.objects.all().delete()
        world.alive, world.started, world.rows.latest, world.rows.keys = set(), [], {}, {}
        world.rows.faults.clear()
        world.told.clear()
        for most in (1, 3):
            self.record("default", most, None)

    def act(self, actor, act, *, host="here", faults=(), is_mistaken=False):
        """Do something as a process of a host, with what befalls its updates."""
        before = world.host, world.is_mistaken
        world.host, world.is_mistaken = host, is_mistaken
        world.rows.faults[:] = [self.fault(actor, kind) for kind in faults]
        try:
            return world.rows.act_as(actor, act)
        finally:
            world.host, world.is_mistaken = before
            world.rows.faults.clear()

    def fault(self, actor, kind):
        """Return a fault, or what another actor does at the last moment before the update."""
        if kind in (None, "lost reply", "error"):
            return kind
        others = {
            "cancel": self.cancel_all,
            "reap": reap.reap,
            "end": self.end_all,
            "dispatch": (lambda: None) if actor.startswith("dispatcher") else self.dispatch_alone,
        }
        return partial(world.rows.act_as, f"other {kind} of {next(world.pids)}", others[kind])

    def cancel_all(self):
        for task in TaskState.objects.unfinished():
            transitions.request_cancel(task.pk, by_id=None)

    def dispatch_alone(self):
        """Not inside another claim: the lock of the host's row, or of all hosts', would have it wait."""
        if not world.is_dispatching:
            world.is_dispatching = True
            try:
                dispatch.dispatch()
            finally:
                world.is_dispatching = False

    def end_all(self):
        for monitor in self.owners():
            world.rows.act_as(f"monitor {monitor.process.pid}", partial(monitor.end, "failure"))

    def drawn(self, data, found):
        """Return one of these; by its number, as ids are others in every run."""
        return found[data.draw(st.integers(0, len(found) - 1))]

    def act_twice(self, monitor):
        """Have another process of the same reference adopt the task."""
        other = Monitor(monitor.task_id, monitor.lease, Process(next(world.pids), 1), monitor.host)
        world.alive.add(other.process.pid)
        world.started.append(other)
        self.act(f"monitor {other.process.pid}", other.adopt, host=other.host)

    def newcomers(self):
        return [monitor for monitor in world.started if monitor.lives and not monitor.task]

    def owners(self):
        return [monitor for monitor in world.started if monitor.lives and monitor.task]

    @precondition(lambda self: TaskState.objects.count() < TASKS_LIMIT)
    @rule(
        queue=st.sampled_from(["default", "narrow"]),
        most=st.integers(1, 3),
        key=st.sampled_from([None, "one", "two"]),
    )
    def launch(self, queue, most, key):
        self.record(queue, most, key)

    def record(self, queue, most, key, priority=0):
        task = TaskState(command="probe", queue=queue, max_attempts=most, unique_key=key, priority=priority)
        found = admit(task)
        if found.is_joined:
            assert found.unique_key == key
        else:
            world.rows.keys[task.pk] = key

    @rule(
        host=HOSTS,
        fates=st.lists(st.sampled_from(["noted", "unnoted", "died before", "refused"]), max_size=2),
        faults=FAULTS,
    )
    def dispatch(self, host, fates, faults):
        world.fates = list(fates)
        self.act(f"dispatcher {next(world.pids)}", dispatch.dispatch, host=host, faults=faults)

    @rule(host=HOSTS)
    def start_all(self, host):
        """What happens nearly always: what is ready is started and adopted."""
        world.fates = []
        self.act(f"dispatcher {next(world.pids)}", dispatch.dispatch, host=host)
        for monitor in self.newcomers():
            self.act(f"monitor {monitor.process.pid}", monitor.adopt, host=monitor.host)

    @rule(host=HOSTS, is_adopted=st.booleans())
    def take_over(self, host, is_adopted):
        """Take what lives for dead, and start it anew: the first ones do not know of it."""
        for act in (reap.reap, dispatch.dispatch):
            let_time_pass(70)
            self.act(f"dispatcher {next(world.pids)}", act, host=host, is_mistaken=True)
        if is_adopted and world.started and world.started[-1].lives and not world.started[-1].task:
            self.act(f"monitor {world.started[-1].process.pid}", world.started[-1].adopt, host=host)

    @precondition(lambda self: TaskState.objects.count() < TASKS_LIMIT + 2)
    @rule(how=st.sampled_from([*OUTCOMES]))
    def act_late(self, how):
        """Have those who were taken for dead go on, after others have begun their tasks anew."""
        self.record("default", 3, None, priority=9)
        world.fates = ["unnoted", "unnoted"]
        self.act(f"dispatcher {next(world.pids)}", dispatch.dispatch)
        self.take_over("here", False)
        for monitor in self.newcomers():
            self.act(f"monitor {monitor.process.pid}", monitor.adopt, host=monitor.host)
        self.take_over("here", True)
        self.act_twice(world.started[-1])
        for monitor in self.owners():
            self.act(f"monitor {monitor.process.pid}", partial(monitor.end, how), host=monitor.host)

    @precondition(lambda self: self.newcomers())
    @rule(data=st.data(), faults=FAULTS, is_second=st.booleans())
    def adopt(self, data, faults, is_second):
        monitor = self.drawn(data, self.newcomers())
        if is_second:
            self.act_twice(monitor)
        self.act(f"monitor {monitor.process.pid}", monitor.adopt, host=monitor.host, faults=faults)

    @precondition(lambda self: self.owners())
    @rule(data=st.data(), is_asked=st.booleans())
    def beat(self, data, is_asked):
        monitor = self.drawn(data, self.owners())
        if is_asked:
            transitions.request_cancel(monitor.task_id, by_id=None)
        self.act(f"monitor {monitor.process.pid}", monitor.beat, host=monitor.host)

    @precondition(lambda self: self.owners())
    @rule(
        data=st.data(),
        how=st.sampled_from([*OUTCOMES, "failure"]),
        faults=FAULTS,
        is_asked=st.sampled_from([False, True, False]),
    )
    def end(self, data, how, faults, is_asked):
        monitor = self.drawn(data, self.owners())
        if is_asked:  # too late for a beat to see it
            transitions.request_cancel(monitor.task_id, by_id=None)
        self.act(f"monitor {monitor.process.pid}", partial(monitor.end, how), host=monitor.host, faults=faults)

    @precondition(lambda self: world.alive)
    @rule(data=st.data(), leaves=st.sampled_from([None, *OUTCOMES]))
    def die(self, data, leaves):
        pid = self.drawn(data, sorted(world.alive))
        monitor = next(monitor for monitor in world.started if monitor.process.pid == pid)
        if leaves and monitor.task:
            TaskFiles(monitor.task_id, monitor.lease).store_finish(OUTCOMES[leaves].stored())
        world.alive.discard(pid)

    @rule(target=copies)
    def read(self):
        return multiple(*TaskState.objects.active())

    @rule(host=HOSTS, faults=FAULTS, is_mistaken=st.booleans())
    def reap(self, host, faults, is_mistaken):
        self.act(f"reaper {next(world.pids)}", reap.reap, host=host, faults=faults, is_mistaken=is_mistaken)

    @rule(copy=consumes(copies), faults=FAULTS, is_mistaken=st.booleans())
    def look_late(self, copy, faults, is_mistaken):
        """Judge a row by what was read of it long ago."""
        look = partial(reap.look_at, copy)
        self.act(f"reaper {next(world.pids)}", look, host=copy.host, faults=faults, is_mistaken=is_mistaken)

    @rule(copy=consumes(copies), how=st.sampled_from([*OUTCOMES]), faults=FAULTS)
    def settle_late(self, copy, how, faults):
        """Write what was judged long ago."""
        settle = partial(attempts.settle, copy, OUTCOMES[how], is_repeatable=False)
        if copy.status == Status.RUNNING:
            self.act(f"reaper {next(world.pids)}", settle, faults=faults)

    @precondition(lambda self: TaskState.objects.exists())
    @rule(data=st.data(), faults=FAULTS)
    def cancel(self, data, faults):
        pk = self.drawn(data, TaskState.objects.order_by("created_at").values_list("pk", flat=True))
        ask = partial(transitions.request_cancel, pk, by_id=None)
        self.act(f"canceller {next(world.pids)}", ask, faults=faults)

    @rule(seconds=st.sampled_from([15, 70, 200]))
    def pass_time(self, seconds):
        let_time_pass(seconds)

    @invariant()
    def nothing_is_wrong(self):
        world.rows.look()
        assert set(world.told) == world.rows.told_finished(), "told of other ends than their writers"
        assert set(world.told.values()) <= {1}, "a listener was told twice"

    def teardown(self):
        """Whatever has happened, rounds of housekeeping and monitors that do their work finish every task."""
        world.alive.clear()
        world.fates = []
        for _ in range(40):
            if not TaskState.objects.unfinished().exists():
                return
            let_time_pass(3600)
            self.act("the last reaper here", reap.reap)
            self.act("the last reaper there", reap.reap, host="there")
            self.act("the last dispatcher", dispatch.dispatch)
            for monitor in self.newcomers():
                self.act(f"monitor {monitor.process.pid}", monitor.adopt)
            for monitor in self.owners():
                self.act(f"monitor {monitor.process.pid}", partial(monitor.end, "failure"))
            world.rows.look()
        raise AssertionError(f"unfinished: {TaskState.objects.unfinished().values()}")


@pytest.mark.django_db
def test_no_order_of_events_breaks_a_promise(request, settings, runtime_dir, monkeypatch):
    here = f"{FatefulLauncher.__module__}.{FatefulLauncher.__qualname__}"
    queues = {"narrow": {"limit": 1}}
    settings.BROKERLESS = settings.BROKERLESS | {"LAUNCHER": here, "MAX_PROCESSES": 2, "QUEUES": queues}
    for module in (dispatch, leftovers, reap):
        monkeypatch.setattr(module, "host_name", lambda: world.host)
    for module in (leftovers, reap):
        monkeypatch.setattr(module, "Process", LookedUp)
    monkeypatch.setattr(leftovers, "kill_marked", kill_marked)
    monkeypatch.setattr(leftovers, "kill_tree", kill_tree)
    monkeypatch.setattr(reap, "kill_tree", kill_tree)
    monkeypatch.setattr(attempts, "JITTER", 0)
    monkeypatch.setattr(finish, "PAUSE", 0.0)
    monkeypatch.setattr(finish, "connections", type("", (), {"close_all": staticmethod(lambda: None)}))
    monkeypatch.setattr(logging.getLogger("brokerless"), "disabled", True)
    # As each statement is a transaction of its own but for this test's.
    monkeypatch.setattr(signals, "_after_commit", lambda tell: tell())
    world.rows = WatchedRows(monkeypatch.setattr)
    signals.task_finished.connect(world.note_told)
    request.addfinalizer(lambda: signals.task_finished.disconnect(world.note_told))

    run_state_machine_as_test(Actors, settings=BOUNDED)

    assert set(world.rows.arrows) == set(ARROWS), "an arrow that was never taken proves nothing"


# The same every time, and about ten seconds.
BOUNDED = settings(
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],  # with Phase.shrink a failure is told in few steps, minutes later
    report_multiple_bugs=False,
    max_examples=30,
    stateful_step_count=40,
    suppress_health_check=list(HealthCheck),
)
