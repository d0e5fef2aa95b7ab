#!/bin/sh
# In place of `minio server /data`.
exec moto_server --host 0.0.0.0 --port 9000
