module "counter" {
  source  = "terraform-aws-modules/ecs/aws//modules/service"
  version = "5.11.0"

  name          = "counter"
  desired_count = 2
  providers     = { aws = aws.us }

  container_definitions = {
    counter = {
      image     = "registry.example.com/bakery/counter:1.4.2"
      essential = true
      environment = [
        { name = "LOG_LEVEL", value = "info" },
        { name = "PORT", value = tostring(8080) }, # trailing comma
      ]
    }
  }
}

module "tills" {
  source   = "./tills"
  for_each = toset(["north", "south"])
  city     = each.key
}

moved {
  from = aws_instance.old_counter
  to   = module.counter.aws_ecs_service.this
}

import {
  to = aws_s3_bucket.receipts
  id = "bakery-receipts"
}

removed {
  from = aws_instance.bench
  lifecycle {
    destroy = false
  }
}

check "counter_answers" {
  data "http" "counter" {
    url = "https://counter.example.com/health"
  }

  assert {
    condition     = data.http.counter.status_code == 200
    error_message = "${data.http.counter.url} did not answer with 200"
  }
}

resource "aws_s3_bucket" "receipts" {
  bucket = "bakery-receipts"
}
