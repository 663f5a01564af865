/* Every kind of expression,
   one after another. */
locals {
  sum        = 1 + 2 * 3 - 4 / 5 % 6
  negative   = -local.sum
  both       = (var.open && !var.holiday) || var.forced == true
  compared   = local.sum >= 3 ? "many" : local.sum != 0 ? "few" : "none"
  ranged     = 1.5e3 > 0.25 && 10 <= 1.0e-2
  first      = var.loaves[0]
  attribute  = var.loaves[0].name
  quoted     = var.prices["rye"].amount
  splat      = var.loaves[*].name
  old_splat  = var.loaves.*.name
  legacy     = var.loaves.0.name
  list       = [for loaf in var.loaves : upper(loaf.name) if loaf.price > 2]
  keyed      = { for index, loaf in var.loaves : loaf.name => index }
  grouped    = { for loaf in var.loaves : loaf.kind => loaf.name... }
  merged     = merge({ a = 1, "b" : 2 }, { (var.key) = 3 }, null)
  spread     = max([1, 2, 3]...)
  nested     = [[1, 2], [], [{}, { x = [] }]]
  text       = "tab\t newline\n quote\" backslash\\ unicode\u00e9 ${local.sum}%{ if var.open } open%{ endif }"
  trimmed    = "${~ local.first ~}"
  namespaced = provider::bakery::knead("rye")
  empty      = ""
  nothing    = null
  dollars    = "$5 and 5% and $${literal} and %%{literal}"
}

variable "open" { default = true }
variable "holiday" { default = false }
variable "forced" { default = null }
variable "key" { default = "c" }

variable "prices" {
  type = map(object({
    amount   = number
    currency = optional(string, "EUR")
  }))
  default = {}
}

variable "loaves" {
  description = "What is baked."
  type        = list(object({ name = string, kind = string, price = number }))
  default     = [{ name = "rye", kind = "dark", price = 3 }, { name = "roll", kind = "white", price = 0.4 }]

  validation {
    condition     = alltrue([for loaf in var.loaves : loaf.price > 0]) && length(var.loaves) < 100
    error_message = "A loaf costs something."
  }
}

output "names" {
  value     = local.splat
  sensitive = true

  precondition {
    condition     = length(local.splat) > 0
    error_message = "Nothing is baked."
  }
}
