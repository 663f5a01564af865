# The storefront. Render it with `clockwork render`; the result is committed below .clockwork/build.

variable "tag" {
  type        = string
  default     = "5.2.0"
  description = "The release of the storefront that runs."
}

locals {
  registry = "registry.example.com/shop"
}

provider "kubernetes" {
  stack     = "storefront"
  namespace = "shop"
}

resource "service" "storefront" {
  image    = "${local.registry}/storefront:${var.tag}"
  replicas = 2

  environment = {
    API_URL = "http://api.shop"
    THEME   = "autumn" # until the winter sale
  }

  port {
    container = 3000
    host      = 80
  }

  healthcheck {
    command  = ["storefront", "--check"]
    interval = "15s"
    timeout  = "2s"
    retries  = 3 # three misses
  }

  limits {
    cpu    = 0.5
    memory = "256m"
  }
}
