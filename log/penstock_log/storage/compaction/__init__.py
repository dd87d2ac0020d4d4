"""Log compaction: of the records with one key, only the newest stays. What to do, what survives, and how it is swapped
in; the work itself runs in a process of its own (`__main__.py`), since it decodes every record.

Every offset keeps its place, and a compacted log has no holes: a stretch in which nothing survived is covered by a
batch that spans its offsets, so that each batch still begins where the one before it ends. That rule is what finds
damaged headers everywhere else. Such a batch is rarely empty, since surviving small batches are merged into one;
consumers never get an empty one.
"""
