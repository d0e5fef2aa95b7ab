variable "name" {
  description = "Of what is made: the prefix of all names."
  type        = string
  default     = "churn"
}

variable "vpc_id" {
  description = "The network of the cluster; the database is in it."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets of at least two availability zones, for the database."
  type        = list(string)
}

variable "cluster_security_group_id" {
  description = "The security group of the cluster's nodes, which may reach the database."
  type        = string
}

variable "oidc_provider_arn" {
  description = "The cluster's identity provider, by which accounts of Kubernetes get roles of AWS."
  type        = string
}

variable "oidc_issuer" {
  description = "Its address without https://."
  type        = string
}

variable "namespace" {
  description = "The namespace of deploy/kubernetes."
  type        = string
  default     = "churn"
}

variable "database_class" {
  description = "The size of the database; the prediction log is most of it."
  type        = string
  default     = "db.t4g.medium"
}

variable "keep_artifacts_days" {
  description = "After how many days superseded versions of objects are deleted."
  type        = number
  default     = 30
}
