{#
  Well-known services of the clouds, by FOCUS category: subcategory and a pattern of the service's name. The first match
  counts; what matches nothing is "Other" in its category. FOCUS gives every subcategory one category.
#}
{% macro focus_service_names() -%}
    {{ return([
        ('AI and Machine Learning', 'Generative AI', 'openai|bedrock|claude|anthropic|gemini|foundry models|generative'),
        ('AI and Machine Learning', 'Machine Learning', 'machine learning|sagemaker|automl'),
        ('AI and Machine Learning', 'AI Platforms', 'foundry|vertex|ai services|ai platform|cognitive services'),
        ('AI and Machine Learning', 'Natural Language Processing', 'language|translat|speech|comprehend|lex|polly'),
        ('AI and Machine Learning', 'Bots', 'bot'),
        ('Analytics', 'Analytics Platforms', 'databricks|fabric|synapse|emr|dataproc'),
        ('Analytics', 'Business Intelligence', 'power bi|quicksight|looker'),
        ('Analytics', 'Search', 'search'),
        ('Analytics', 'Streaming Analytics', 'stream|kinesis|event hub|dataflow'),
        ('Compute', 'Virtual Machines', 'virtual machine|^ec2|elastic compute cloud|compute engine|batch'),
        ('Compute', 'Containers', 'kubernetes|container|eks|ecs|fargate|gke'),
        ('Compute', 'Serverless Compute', 'function|lambda|cloud run'),
        ('Databases', 'Relational Databases', 'sql|rds|relational database|aurora|postgres|maria'),
        ('Databases', 'NoSQL Databases', 'cosmos|dynamo|firestore|bigtable|document|mongo'),
        ('Databases', 'Caching', 'redis|elasticache|memcache|memorystore'),
        ('Databases', 'Data Warehouses', 'redshift|bigquery|snowflake'),
        ('Identity', 'Identity and Access Management', 'entra|active directory|cognito|identity'),
        ('Integration', 'Messaging', 'service bus|queue|sqs|sns|pub/sub|notification'),
        ('Integration', 'API Management', 'api management|api gateway'),
        ('Management and Governance', 'Observability', 'monitor|cloudwatch|log analytics|logging|application insights'),
        ('Networking', 'Content Delivery', 'front door|cloudfront|cdn'),
        ('Networking', 'Network Connectivity', 'expressroute|vpn|direct connect|bandwidth|data transfer'),
        ('Networking', 'Network Infrastructure', 'virtual network|vpc|virtual private cloud|ip address|nat gateway'),
        ('Networking', 'Application Networking', 'load balanc|application gateway|dns|route 53'),
        ('Networking', 'Network Security', 'firewall|ddos|waf'),
        ('Security', 'Secret Management', 'key vault|secrets manager|key management'),
        ('Security', 'Threat Detection and Response', 'sentinel|guardduty|defender'),
        ('Storage', 'Object Storage', 'blob|s3|simple storage|cloud storage|object storage'),
        ('Storage', 'Block Storage', 'disk|ebs|elastic block|block volume'),
        ('Storage', 'File Storage', 'files|efs|elastic file|netapp'),
        ('Storage', 'Backup Storage', 'backup'),
        ('Storage', 'Storage Platforms', '^storage$|storage account|storage'),
        ('Web', 'Application Platforms', 'app service|beanstalk|app engine')
    ]) }}
{%- endmacro %}

{# FOCUS's subcategories by category, without the "Other" that every category has. #}
{% macro focus_subcategories() -%}
    {{ return({
        'AI and Machine Learning': [
            'AI Platforms', 'Bots', 'Generative AI', 'Machine Learning', 'Natural Language Processing'
        ],
        'Analytics': [
            'Analytics Platforms', 'Business Intelligence', 'Data Processing', 'Search', 'Streaming Analytics'
        ],
        'Business Applications': ['Productivity and Collaboration'],
        'Compute': ['Containers', 'End User Computing', 'Quantum Compute', 'Serverless Compute', 'Virtual Machines'],
        'Databases': [
            'Caching', 'Data Warehouses', 'Ledger Databases', 'NoSQL Databases', 'Relational Databases', 'Time Series Databases'
        ],
        'Developer Tools': [
            'Developer Platforms', 'Continuous Integration and Deployment', 'Development Environments', 'Source Code Management', 'Quality Assurance'
        ],
        'Identity': ['Identity and Access Management'],
        'Integration': ['API Management', 'Messaging', 'Workflow Orchestration'],
        'Internet of Things': ['IoT Analytics', 'IoT Platforms'],
        'Management and Governance': [
            'Architecture', 'Compliance', 'Cost Management', 'Data Governance', 'Disaster Recovery', 'Endpoint Management', 'Observability', 'Support'
        ],
        'Media': ['Content Creation', 'Gaming', 'Media Streaming', 'Mixed Reality'],
        'Migration': ['Data Migration', 'Resource Migration'],
        'Multicloud': ['Multicloud Integration'],
        'Networking': [
            'Application Networking', 'Content Delivery', 'Network Connectivity', 'Network Infrastructure', 'Network Routing', 'Network Security'
        ],
        'Security': ['Secret Management', 'Security Posture Management', 'Threat Detection and Response'],
        'Storage': ['Backup Storage', 'Block Storage', 'File Storage', 'Object Storage', 'Storage Platforms'],
        'Web': ['Application Platforms']
    }) }}
{%- endmacro %}

{# Whether a subcategory belongs to the category; null where either is. #}
{% macro is_focus_subcategory(category, subcategory) -%}
    ({{ subcategory }} = 'Other (' || {{ category }} || ')' or {{ category }} || '/' || {{ subcategory }} in (
        {%- set pairs = [] -%}
        {%- for name, subcategories in focus_subcategories().items() -%}
        {%- for each in subcategories -%}{%- do pairs.append("'" ~ name ~ '/' ~ each ~ "'") -%}{%- endfor -%}
        {%- endfor -%}
        {{ pairs | join(', ') }}
    ))
{%- endmacro %}
