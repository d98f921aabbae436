"""Debian's cron, for one test in a mount namespace of its own, so that no table of the machine is touched."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.requirements import require

if TYPE_CHECKING:
    from pathlib import Path

# What cron finds in place of the machine's own: tables, the directory of its pid, a sendmail that keeps its mails.
SCRIPT = """
set -e
mount --make-rprivate /
mount --bind {place}/cron.d /etc/cron.d
mount --bind {place}/run /run
[ ! -e /etc/crontab ] || mount --bind {place}/empty /etc/crontab
[ ! -d /var/spool/cron/crontabs ] || mount --bind {place}/spool /var/spool/cron/crontabs
mount -t overlay overlay -o lowerdir=/usr/sbin,upperdir={place}/sbin,workdir={place}/work /usr/sbin
exec {program} -f
"""
SENDMAIL = "#!/bin/sh\nexec cat >> {place}/mail/cron\n"


class Cron:
    """Runs lines of /etc/cron.d; what they print is mailed, and kept as text."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._process: subprocess.Popen | None = None

    def start(self, lines: list[str]) -> None:
        """Run these lines, as in a file of /etc/cron.d; `@reboot` is at once, as this is cron's first start."""
        program = shutil.which("cron", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
        require("Debian's cron", program, remedy="install the Debian package cron")
        require("root", os.geteuid() == 0, remedy="only root can give cron a place of its own")
        require("Linux", sys.platform == "linux", remedy="there are mount namespaces")
        for name in ("cron.d", "run", "spool", "sbin", "work", "mail"):
            (self._place / name).mkdir(parents=True)
        (self._place / "empty").touch()
        (self._place / "mail").chmod(0o777)
        sendmail = self._place / "sbin" / "sendmail"
        sendmail.write_text(SENDMAIL.format(place=self._place))
        sendmail.chmod(0o755)
        table = self._place / "cron.d" / "site"
        table.write_text("".join(f"{line}\n" for line in lines))
        table.chmod(0o644)
        script = SCRIPT.format(place=self._place, program=program)
        self._process = subprocess.Popen(["unshare", "--mount", "sh", "-c", script])

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def mail(self) -> str:
        """Return the mails that cron has sent so far."""
        path = self._place / "mail" / "cron"
        return path.read_text() if path.exists() else ""

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
