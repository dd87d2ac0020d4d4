"""The records that Kafka keeps of a consumer group of KIP-848 in `__consumer_offsets` (see `record_schemas`).

The first int16 of a key is the kind of the record (3 to 8), that of a value its version.
"""

from dataclasses import dataclass, field
from typing import ClassVar
from uuid import UUID

from kio.static.constants import EntityType
from kio.static.primitive import i8, i16, i32


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupMetadataKey:
    """ConsumerGroupMetadataKey.json"""

    __type__: ClassVar = EntityType.data
    __version__: ClassVar[i16] = i16(3)
    __flexible__: ClassVar[bool] = False
    group_id: str = field(metadata={"kafka_type": "string"})


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupMetadataValue:
    """ConsumerGroupMetadataValue.json"""

    __type__: ClassVar = EntityType.data
    __version__: ClassVar[i16] = i16(0)
    __flexible__: ClassVar[bool] = True
    epoch: i32 = field(metadata={"kafka_type": "int32"})


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberMetadataKey:
    """ConsumerGroupMemberMetadataKey.json"""

    __type__: ClassVar = EntityType.data
    __version__: ClassVar[i16] = i16(5)
    __flexible__: ClassVar[bool] = False
    group_id: str = field(metadata={"kafka_type": "string"})
    member_id: str = field(metadata={"kafka_type": "string"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassicProtocol:
    """ClassicProtocol in the message below"""

    __type__: ClassVar = EntityType.nested
    __version__: ClassVar[i16] = i16(0)
    __flexible__: ClassVar[bool] = True
    name: str = field(metadata={"kafka_type": "string"})
    metadata: bytes = field(metadata={"kafka_type": "bytes"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassicMemberMetadata:
    """ClassicMemberMetadata in the message below"""

    __type__: ClassVar = EntityType.nested
    __version__: ClassVar[i16] = i16(0)
    __flexible__: ClassVar[bool] = True
    is_present: i8 = field(metadata={"kafka_type": "int8"}, default=i8(1))
    """Kafka writes this byte before what may be null. kio reads it in a tagged field, but does not write it."""
    session_timeout_ms: i32 = field(metadata={"kafka_type": "int32"})
    supported_protocols: tuple[ClassicProtocol, ...]


NOT_CLASSIC = ClassicMemberMetadata(is_present=i8(0), session_timeout_ms=i32(0), supported_protocols=())
"""Stands for null: the default of a tagged field is not written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberMetadataValue:
    """ConsumerGroupMemberMetadataValue.json"""

    __type__: ClassVar = EntityType.data
    __version__: ClassVar[i16] = i16(0)
    __flexible__: ClassVar[bool] = True
    instance_id: str | None = field(metadata={"kafka_type": "string"})
    rack_id: str | None = field(metadata={"kafka_type": "string"})
    client_id: str = field(metadata={"kafka_type": "string"})
    client_host: str = field(metadata={"kafka_type": "string"})
    subscribed_topic_names: tuple[str, ...] = field(metadata={"kafka_type": "string"})
    subscribed_topic_regex: str | None = field(metadata={"kafka_type": "string"})
    rebalance_timeout_ms: i32 = field(metadata={"kafka_type": "int32"})
    server_assignor: str | None = field(metadata={"kafka_type": "string"})
    classic_member_metadata: ClassicMemberMetadata = field(metadata={"tag": 0}, default=NOT_CLASSIC)


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetMetadataKey:
    """ConsumerGroupTargetAssignmentMetadataKey.json"""

    __type__: ClassVar = EntityType.data
    __version__: ClassVar[i16] = i16(6)
    __flexible__: ClassVar[bool] = False
    group_id: str = field(metadata={"kafka_type": "string"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetMetadataValue:
    """ConsumerGroupTargetAssignmentMetadataValue.json"""

    __type__: ClassVar = EntityType.data
    __version__: ClassVar[i16] = i16(0)
    __flexible__: ClassVar[bool] = True
    assignment_epoch: i32 = field(metadata={"kafka_type": "int32"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionsOfTopic:
    """TopicPartition in the messages below"""

    __type__: ClassVar = EntityType.nested
    __version__: ClassVar[i16] = i16(0)
    __flexible__: ClassVar[bool] = True
    topic_id: UUID | None = field(metadata={"kafka_type": "uuid"})
    partitions: tuple[i32, ...] = field(metadata={"kafka_type": "int32"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetMemberKey:
    """ConsumerGroupTargetAssignmentMemberKey.json"""

    __type__: ClassVar = EntityType.data
    __version__: ClassVar[i16] = i16(7)
    __flexible__: ClassVar[bool] = False
    group_id: str = field(metadata={"kafka_type": "string"})
    member_id: str = field(metadata={"kafka_type": "string"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetMemberValue:
    """ConsumerGroupTargetAssignmentMemberValue.json"""

    __type__: ClassVar = EntityType.data
    __version__: ClassVar[i16] = i16(0)
    __flexible__: ClassVar[bool] = True
    topic_partitions: tuple[PartitionsOfTopic, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentMemberKey:
    """ConsumerGroupCurrentMemberAssignmentKey.json"""

    __type__: ClassVar = EntityType.data
    __version__: ClassVar[i16] = i16(8)
    __flexible__: ClassVar[bool] = False
    group_id: str = field(metadata={"kafka_type": "string"})
    member_id: str = field(metadata={"kafka_type": "string"})


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentMemberValue:
    """ConsumerGroupCurrentMemberAssignmentValue.json"""

    __type__: ClassVar = EntityType.data
    __version__: ClassVar[i16] = i16(0)
    __flexible__: ClassVar[bool] = True
    member_epoch: i32 = field(metadata={"kafka_type": "int32"})
    previous_member_epoch: i32 = field(metadata={"kafka_type": "int32"})
    state: i8 = field(metadata={"kafka_type": "int8"})
    """0 stable, 1 unrevoked, 2 unreleased."""
    assigned_partitions: tuple[PartitionsOfTopic, ...]
    partitions_pending_revocation: tuple[PartitionsOfTopic, ...]
