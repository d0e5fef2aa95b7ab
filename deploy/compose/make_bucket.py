"""Make a bucket, unless it is there: `python make_bucket.py NAME`; it waits for the store."""

import sys
import time

import boto3
from botocore.exceptions import ClientError, EndpointConnectionError

store, name = boto3.client("s3"), sys.argv[1]
for _ in range(60):
    try:
        store.create_bucket(Bucket=name)
        break
    except EndpointConnectionError:
        time.sleep(1)
    except ClientError as error:
        if error.response["Error"]["Code"] not in (
            "BucketAlreadyOwnedByYou",
            "BucketAlreadyExists",
        ):
            raise
        break
else:
    sys.exit("The store does not answer.")
