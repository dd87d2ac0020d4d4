"""Task hosts: the fork server, the process of a task, and the delivery that runs in it."""
