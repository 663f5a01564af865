// Text that spans lines, in each form that the language knows.
resource "aws_iam_role" "baker" {
  name               = "baker"
  assume_role_policy = <<EOF
{
  "Version": "2012-10-17",
  "Statement": [
    { "Effect": "Allow", "Principal": { "Service": "ec2.amazonaws.com" }, "Action": "sts:AssumeRole" }
  ]
}
EOF
  description = "Bakes"
}

resource "aws_iam_role_policy" "flour" {
  name   = "flour"
  role   = aws_iam_role.baker.id
  policy = <<-POLICY
    {
      "Statement": [
        { "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "${aws_s3_bucket.flour.arn}/*" }
      ]
    }
    POLICY
}

resource "aws_instance" "oven" {
  ami           = "ami-0123456789abcdef0"
  instance_type = "t3.small"

  user_data = <<-SCRIPT
    #!/bin/sh
    # "quotes" and 'quotes' and a \ stay as they are
    echo "$${HOME} is not Terraform's, %%{ this } neither"
    %{ for port in [8080, 9090] ~}
    listen ${port}
    %{ endfor ~}
    %{ if var.debug }set -x%{ else }set -e%{ endif }

    exec oven --config /etc/oven.conf
  SCRIPT

  user_data_replace_on_change = true
}

resource "aws_s3_bucket" "flour" {
  bucket = "bakery-flour"
  tags = {
    note = <<TEXT
two
lines
TEXT
    plain = "one line"
  }
}

variable "debug" {
  type    = bool
  default = false
}
