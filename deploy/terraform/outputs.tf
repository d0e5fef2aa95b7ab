output "datastore" {
  description = "METAFLOW_DATASTORE_SYSROOT_S3 of the flows and the app."
  value       = "s3://${aws_s3_bucket.store.id}/metaflow"
}

output "database" {
  description = "Host and port of the database, for CHURN_LOG and for the metadata service."
  value       = aws_db_instance.churn.endpoint
}

output "database_secret" {
  description = "The secret of Secrets Manager that has its user and its password."
  value       = aws_db_instance.churn.master_user_secret[0].secret_arn
}

output "roles" {
  description = "For the annotation eks.amazonaws.com/role-arn of the accounts app and flows."
  value       = { for account, role in aws_iam_role.account : account => role.arn }
}
