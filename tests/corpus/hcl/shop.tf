resource "aws_security_group" "shop" {
  name        = "shop"
  description = "Who may talk to the shop"
  vpc_id      = "vpc-1234"

  ingress {
    description      = "customers"
    from_port        = 443
    to_port          = 443
    protocol         = "tcp"
    cidr_blocks      = ["0.0.0.0/0"]
    ipv6_cidr_blocks = ["::/0"]
  }

  dynamic "ingress" {
    for_each = toset(var.offices)
    iterator = office
    content {
      description = "office ${office.value}"
      from_port   = 22
      to_port     = 22
      protocol    = "tcp"
      cidr_blocks = [office.value]
    }
  }

  egress {
    from_port = 0
    to_port   = 0
    protocol  = "-1"
  }

  lifecycle {
    create_before_destroy = true
    prevent_destroy       = false
    ignore_changes        = [tags, description]
  }
}

resource "aws_lb" "shop" {
  name               = "shop"
  internal           = false
  load_balancer_type = "application"
  idle_timeout       = 60
  security_groups    = [aws_security_group.shop.id]
  subnets            = ["subnet-1", "subnet-2"]
}

resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.shop.arn
  port              = "443"
  protocol          = "HTTPS"

  default_action {
    type = "fixed-response"

    fixed_response {
      content_type = "text/plain"
      message_body = "We are closed."
      status_code  = "503"
    }
  }

  timeouts {
    create = "5m"
  }
}

variable "offices" {
  type    = list(string)
  default = ["192.0.2.0/24", "198.51.100.0/24"]
}
