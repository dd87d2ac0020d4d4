"""Where Penstock answers otherwise than Kafka Connect, and why: every line stands for differences that are found."""

import re
from dataclasses import dataclass

from tests.conformance.connect_calls import Call
from tests.conformance.connect_shapes import Difference


@dataclass(frozen=True, slots=True)
class Explanation:
    reason: str
    kind: str
    call: re.Pattern[str]
    """Of the names of calls."""
    where: re.Pattern[str]
    java: re.Pattern[str]
    ours: re.Pattern[str]

    def explains(self, call: Call, difference: Difference) -> bool:
        return (
            self.kind == difference.kind
            and bool(self.call.search(call.name))
            and bool(self.where.fullmatch(difference.where))
            and bool(self.java.search(difference.java))
            and bool(self.ours.search(difference.ours))
        )


def because(reason: str, kind: str, call: str, *, where: str = ".*", java: str = "", ours: str = "") -> Explanation:
    return Explanation(reason, kind, *map(re.compile, (call, where, java, ours)))


MISTAKES = (
    "a list$|no body$|no class$|nested value$|empty$|not JSON$|unknown initial state$|no configuration$|"
    "configuration null$|configuration a string$|unknown field$|not UTF-8$|create: null$|no list$|no object$|"
    "partition null$|partition nested$|partition missing$|offset a number$|negative offset$|no such partition$|"
    "no such topic$|topic no string$"
)
"""Of the client, to which Kafka Connect answers with a failure of its own."""

EXPLANATIONS = [
    because(
        "an error has further fields, which Kafka Connect's clients ignore",
        "shape",
        "",
        where=r"\.(code|where|cause|hint|problems)",
        java="^absent$",
    ),
    because("a client's mistake is 400, and no failure of the server", "status", MISTAKES, java="^500$", ours="^400$"),
    because("what is wrong is told in words for the client, not in the server's", "message", MISTAKES),
    because(
        "a JSON body says that it is one, in errors too",
        "header",
        "",
        where="content-type",
        java="^absent$",
        ours="json$",
    ),
    because(
        "a wrong method is told the right ones, as HTTP asks", "header", "wrong method$", where="allow", java="^absent$"
    ),
    because(
        "the methods stand in Allow, and once is enough", "header", "OPTIONS$", where="content-type", java="text/plain"
    ),
    because("the product's own version is a further field", "shape", "^root$", where=r"\.penstock_version"),
    # Plugins and validation
    because("every option belongs to a group", "shape", "plugin config|validate", where=r".*\.group", ours="^.string"),
    because(
        "`order`, as it was before Kafka Connect 4, stands beside `order_in_group`",
        "shape",
        "plugin config|validate",
        where=r".*\.order",
    ),
    because(
        "an option that is not known is an error, with the nearest name, instead of being ignored",
        "shape",
        "validate: unknown option",
        where=r"\.configs\[\]\.definition.*",
    ),
    because(
        "an option that is not known is an error, with the nearest name, instead of being ignored",
        "status",
        "create: unknown option",
        java="201",
        ours="400",
    ),
    because(
        "an option that is not known is an error, with the nearest name, instead of being ignored",
        "header",
        "create: unknown option",
        where="location",
    ),
    because(
        "a null value is a mistake wherever it stands but in PATCH",
        "status",
        "validate: null value",
        java="200",
        ours="400",
    ),
    because("a null value is a mistake wherever it stands but in PATCH", "message", "create: null value"),
    because("other classes are installed", "message", "another class$|unknown plugin$|unknown class$"),
    because(
        "the values of a configuration may be secrets: errors name its keys",
        "message",
        "no class$|removes what is needed$",
        java="contains no connector type$",
        ours="contains no connector type$",
    ),
    because(
        "every problem of a configuration names its option and says what to do",
        "message",
        "missing options$",
        java="Missing required|Must configure",
    ),
    # Names
    because(
        "a name is told to be missing before the configuration is looked at",
        "message",
        "no name$|name null$|name empty$",
    ),
    because("a name is a string", "status", "name is a number$", java="201", ours="400"),
    because(
        "a connector whose name has a slash could not be asked for",
        "status",
        "slash in the name$",
        java="201",
        ours="400",
    ),
    because("not created: no place", "header", "name is a number$|slash in the name$", where="location", ours="absent"),
    because(
        "names may have any characters that can be shown",
        "status",
        "an odd name$",
        java="500|400|404",
        ours="20[01]",
    ),
    because(
        "names may have any characters that can be shown",
        "header",
        "an odd name$",
        where="location|content-type",
        java="absent|text/html",
    ),
    # Of one connector
    because(
        "a flag that is neither true nor false is a mistake", "status", "flag is none$", java="204|404", ours="400"
    ),
    because("a flag that is neither true nor false is a mistake", "message", "missing: restart: flag is none$"),
    because(
        "what does not exist is not found, instead of a rebalance that never ends",
        "status",
        "stopped: restart task$",
        java="409",
        ours="404",
    ),
    because(
        "what does not exist is not found, instead of a rebalance that never ends",
        "message",
        "stopped: restart task$",
        java="likely because a rebalance",
    ),
    because(
        "one message for a connector that does not exist",
        "message",
        "",
        java="^Unknown connector",
        ours="^Connector .* not found$",
    ),
    because("two offsets of one partition contradict each other", "status", "offsets: twice$", java="200", ours="400"),
]
