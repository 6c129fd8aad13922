def handler(event, context):
    print('golden line')
    return {'statusCode': 200, 'body': 'golden'}
