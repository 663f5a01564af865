resource "aws_dynamodb_table" "orders" {
	name         = "orders"
	billing_mode = "PAY_PER_REQUEST"
	hash_key     = "customer"
	range_key    = "ordered_at"

	attribute {
		name = "customer"
		type = "S"
	}
	attribute {
		name = "ordered_at"
		type = "N"
	}

	global_secondary_index {
		name            = "by-day"
		hash_key        = "ordered_at"
		projection_type = "INCLUDE"
		non_key_attributes = [
			"total", # what was paid
			"shop",
		]
	}
	ttl {
		attribute_name = "forget_at"
		enabled        = true
	}
}

resource "aws_appautoscaling_policy" "orders" {
	name               = "orders:read"
	policy_type        = "TargetTrackingScaling"
	resource_id        = "table/${aws_dynamodb_table.orders.name}"
	scalable_dimension = "dynamodb:table:ReadCapacityUnits"
	service_namespace  = "dynamodb"
	target_tracking_scaling_policy_configuration {
		predefined_metric_specification { predefined_metric_type = "DynamoDBReadCapacityUtilization" }
		target_value = 70.0
	}
}
