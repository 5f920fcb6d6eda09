"""Layer 0: devices, dtypes and raw array namespaces; the only place that names a backend."""
