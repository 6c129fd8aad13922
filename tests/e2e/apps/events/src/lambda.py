def handler(event, context):
    return {"ran": context.function_name}
