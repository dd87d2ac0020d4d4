"""Consumer groups and committed offsets: the group coordinator.

`classic`, `membership`, `offsets`, `records` decide and know nothing of files, sockets, asyncio or the clock;
`coordinator` and `storage` act.
"""
