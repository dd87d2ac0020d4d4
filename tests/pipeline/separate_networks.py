"""Machines for a log and its workers, as far as the network is concerned: a namespace each, and a router between them
that can drop what goes one way. Needs Linux, root and iproute2."""

import os
import subprocess
from collections.abc import Sequence
from contextlib import suppress

HERE = "here"
"""The test itself, whose packets come through the router too."""


class SeparateNetworks:
    """Names are those of the machines. To be used as a context."""

    def __init__(self, names: Sequence[str]) -> None:
        self._prefix = f"10.{64 + os.getpid() % 128}"
        self._numbers = {name: number for number, name in enumerate([HERE, *names])}
        self._router = f"pen{os.getpid()}-router"
        self._cuts: set[tuple[str, str]] = set()

    def __enter__(self) -> "SeparateNetworks":
        _ip(f"netns add {self._router}")
        try:
            _ip(f"netns exec {self._router} sysctl -qw net.ipv4.ip_forward=1")
            for name in self._numbers:
                self._connect(name)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Both ends of a cable vanish with the namespace of one."""
        for name in [self._router, *(self._namespace(name) for name in self._numbers if name != HERE)]:
            with suppress(subprocess.CalledProcessError):
                _ip(f"netns del {name}")

    def address(self, name: str) -> str:
        return f"{self._prefix}.{self._numbers[name]}.2"

    def command(self, name: str) -> list[str]:
        """What has to come before a command that is to run there."""
        return ["ip", "netns", "exec", self._namespace(name)]

    def cut(self, sender: str, receiver: str) -> None:
        """Nothing comes from one to the other any more, without a word to either."""
        if (sender, receiver) not in self._cuts:
            self._rule("add", sender, receiver)
            self._cuts.add((sender, receiver))

    def mend(self) -> None:
        """All cuts."""
        while self._cuts:
            self._rule("del", *self._cuts.pop())

    def lose(self, percent: int, senders: Sequence[str], receivers: Sequence[str]) -> None:
        """So many of the packets from these to those, at random, until the networks end. Needs nftables."""
        pairs = [(self.address(sender), self.address(to)) for sender in senders for to in receivers if sender != to]
        rules = [f"ip saddr {a} ip daddr {b} numgen random mod 100 < {percent} drop" for a, b in pairs]
        script = ["add table ip loss", "add chain ip loss lossy { type filter hook forward priority 0 ; }"]
        script += [f"add rule ip loss lossy {rule}" for rule in rules]
        command = ["ip", "netns", "exec", self._router, "nft", "-f", "-"]
        subprocess.run(command, input="\n".join(script), text=True, check=True)

    def _connect(self, name: str) -> None:
        subnet = f"{self._prefix}.{self._numbers[name]}"
        port, uplink = f"to-{name}", f"uplink{os.getpid()}" if name == HERE else "uplink"
        place = "" if name == HERE else f"-n {self._namespace(name)}"
        if name != HERE:
            _ip(f"netns add {self._namespace(name)}")
            _ip(f"{place} link set lo up")
        _ip(f"-n {self._router} link add {port} type veth peer name {uplink} netns {self._netns_of(name)}")
        for where, device, host in ((f"-n {self._router}", port, 1), (place, uplink, 2)):
            _ip(f"{where} addr add {subnet}.{host}/24 dev {device}")
            _ip(f"{where} link set {device} up")
        _ip(f"{place} route add {self._prefix}.0.0/16 via {subnet}.1")

    def _netns_of(self, name: str) -> str:
        return str(os.getpid()) if name == HERE else self._namespace(name)

    def _namespace(self, name: str) -> str:
        return f"pen{os.getpid()}-{name}"

    def _rule(self, change: str, sender: str, receiver: str) -> None:
        _ip(f"-n {self._router} rule {change} from {self.address(sender)} to {self.address(receiver)} blackhole")


def _ip(arguments: str) -> None:
    subprocess.run(["ip", *arguments.split()], check=True)
