# Roles of AWS for the accounts of deploy/kubernetes/base: the app reads models, the flows write.

locals {
  bucket = aws_s3_bucket.store.arn
  roles = {
    app   = ["s3:GetObject"]
    flows = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
  }
}

data "aws_iam_policy_document" "assume" {
  for_each = local.roles
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = [var.oidc_provider_arn]
    }
    condition {
      test     = "StringEquals"
      variable = "${var.oidc_issuer}:sub"
      values   = ["system:serviceaccount:${var.namespace}:${each.key}"]
    }
    condition {
      test     = "StringEquals"
      variable = "${var.oidc_issuer}:aud"
      values   = ["sts.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "store" {
  for_each = local.roles
  statement {
    actions   = each.value
    resources = ["${local.bucket}/*"]
  }
  statement {
    actions   = ["s3:ListBucket"]
    resources = [local.bucket]
  }
  statement {
    actions   = each.key == "app" ? ["kms:Decrypt"] : ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [aws_kms_key.churn.arn]
  }
}

resource "aws_iam_role" "account" {
  for_each           = local.roles
  name               = "${var.name}-${each.key}"
  assume_role_policy = data.aws_iam_policy_document.assume[each.key].json
}

resource "aws_iam_role_policy" "store" {
  for_each = local.roles
  name     = "store"
  role     = aws_iam_role.account[each.key].id
  policy   = data.aws_iam_policy_document.store[each.key].json
}
