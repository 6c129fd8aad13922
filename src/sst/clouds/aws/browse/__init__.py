"""What a console shows of AWS: the picture of an app, and what its buckets, tables and queues hold. One file a kind."""
