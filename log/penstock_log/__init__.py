"""The bundled log: storage, groups, controller and a Kafka-protocol server. Imports nothing else of Penstock's."""
