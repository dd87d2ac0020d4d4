"""Keeps the table of files in line with what scans and notifications report."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from watchfiles import Change

from penstock_file.file_table import FileTable
from penstock_file.pending import Pending
from penstock_file.recognition import Recognition
from penstock_file.tailed_file import FileKey, Found, TailedFile


class Tracker:
    def __init__(self, table: FileTable, pending: Pending, quiet_seconds: float) -> None:
        self._table, self._pending, self._quiet_seconds = table, pending, quiet_seconds
        self._recognition = Recognition(table, pending, quiet_seconds)
        self._by_path: dict[str, TailedFile] = {}

    def changed(self, changes: Iterable[tuple[Change, str]]) -> bool:
        """Queue the files that were written to. True where only a scan can tell what the changes mean."""
        needs_scan = False
        for change, path in changes:
            if change is Change.modified and path in self._by_path:
                self._table.queue(self._by_path[path])
            else:
                needs_scan |= change is not Change.modified or path in self._pending
        return needs_scan

    def reconcile(self, found: Sequence[Found], now: float) -> None:
        """Bring what is known in line with what a scan found."""
        live = self._table.live
        there: dict[FileKey, Found] = {}
        for item in found:
            file = live.get(item.key)
            if item.key not in there or (file and file.path == item.path):  # of several names, the one it had
                there[item.key] = item
        for key in list(live):
            if key in there:
                self._seen(live[key], there[key], now)
            else:
                self._vanished(live[key], now)
        self._recognition.identify([item for key, item in there.items() if key not in live], now)
        self._by_path = {file.path: file for file in live.values() if file.is_present}

    def _seen(self, file: TailedFile, item: Found, now: float) -> None:
        if item.size < file.offset:
            self._table.replaced(file, now)
            return
        file.was_renamed |= file.path != item.path
        file.path, file.is_present = item.path, True
        if (item.size, item.modified_ns) != (file.size, file.modified_ns):
            file.size, file.modified_ns, file.grew_at = item.size, item.modified_ns, now
            self._table.queue(file)
        elif file.was_renamed and file.has_unread and self._is_quiet(file, now):
            self._finish(file)

    def _vanished(self, file: TailedFile, now: float) -> None:
        """No pattern matches the file any more; whoever wrote it may go on for a while."""
        if file.is_present:
            file.is_present, file.grew_at = False, now
        if file.descriptor is None:
            self._table.lose(file, now)
            return
        size = os.fstat(file.descriptor).st_size
        if size != file.size:
            file.size, file.grew_at = size, now
            self._table.queue(file)
        elif self._is_quiet(file, now):
            self._finish(file)

    def _is_quiet(self, file: TailedFile, now: float) -> bool:
        return now - file.grew_at >= self._quiet_seconds

    def _finish(self, file: TailedFile) -> None:
        file.is_final = True
        self._table.queue(file)
