"""Which classes of plugins are installed, learnt without importing any of them here.

`discovery` starts `probe` in a process of its own, which is the only one to import plugin code; what comes back is
data (`PluginInfo`, `ConverterInfo`, `ConfigProviderInfo`, `Problem`), kept in a `catalog`.
"""
