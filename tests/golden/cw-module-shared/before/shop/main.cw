module "one" {
  source = "../m"
  name   = "one"
}
module "two" {
  source = "../m"
  name   = "two"
}
