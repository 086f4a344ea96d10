{# Azure's cost details: their columns, and what their services are called in FOCUS. #}

{# The columns of the lake table azure_cost__detail that staging reads; finops.azure_cost says what each means. #}
{% macro azure_cost_columns() -%}
    {{ return([
        'AdditionalInfo', 'AvailabilityZone', 'BenefitId', 'BenefitName', 'BillingAccountId', 'BillingAccountName',
        'BillingCurrency', 'BillingPeriodEndDate', 'BillingPeriodStartDate', 'BillingProfileId', 'BillingProfileName',
        'ChargeType', 'ConsumedService', 'CostCenter', 'CostInBillingCurrency', 'Date', 'ExchangeRatePricingToBilling',
        'Frequency', 'InvoiceId', 'MeterCategory', 'MeterId', 'MeterName', 'MeterSubCategory', 'PartnerName',
        'PayGPrice', 'PaygCostInBillingCurrency', 'PricingCurrency', 'PricingModel', 'ProductId', 'ProductName',
        'ProductOrderId', 'ProductOrderName', 'PublisherName', 'PublisherType', 'Quantity', 'ReservationId',
        'ReservationName', 'ResourceGroupName', 'ResourceId', 'ResourceLocation', 'ResourceLocationNormalized',
        'ResourceName', 'ServiceFamily', 'ServiceName', 'SubscriptionId', 'SubscriptionName', 'Tags', 'Term',
        'UnitOfMeasure', 'UnitPrice'
    ]) }}
{%- endmacro %}

{#
  [resource type, ServiceName, ServiceCategory] as Azure's FOCUS exports name them. The type of the resource says more
  than the meter: the disk of a virtual machine is metered as storage.
#}
{% macro azure_resource_services() -%}
    {{ return([
        ['microsoft.apimanagement/service', 'API Management', 'Integration'],
        ['microsoft.app/containerapps', 'Azure Container Apps', 'Compute'],
        ['microsoft.cache/redis', 'Azure Cache for Redis', 'Databases'],
        ['microsoft.compute/disks', 'Virtual Machines', 'Compute'],
        ['microsoft.compute/snapshots', 'Virtual Machines', 'Compute'],
        ['microsoft.compute/virtualmachines', 'Virtual Machines', 'Compute'],
        ['microsoft.compute/virtualmachinescalesets', 'Virtual Machine Scale Sets', 'Compute'],
        ['microsoft.containerregistry/registries', 'Container Registry', 'Developer Tools'],
        ['microsoft.containerservice/managedclusters', 'Azure Kubernetes Service', 'Compute'],
        ['microsoft.databricks/workspaces', 'Azure Databricks', 'Analytics'],
        ['microsoft.datafactory/factories', 'Data Factory', 'Integration'],
        ['microsoft.dbformysql/servers', 'Azure Database for MySQL', 'Databases'],
        ['microsoft.dbformysql/flexibleservers', 'Azure Database for MySQL', 'Databases'],
        ['microsoft.dbforpostgresql/servers', 'Azure Database for PostgreSQL', 'Databases'],
        ['microsoft.dbforpostgresql/flexibleservers', 'Azure Database for PostgreSQL', 'Databases'],
        ['microsoft.documentdb/databaseaccounts', 'Azure Cosmos DB', 'Databases'],
        ['microsoft.eventhub/namespaces', 'Event Hubs', 'Integration'],
        ['microsoft.insights/components', 'Application Insights', 'Management and Governance'],
        ['microsoft.keyvault/vaults', 'Key Vault', 'Security'],
        ['microsoft.kusto/clusters', 'Azure Data Explorer', 'Analytics'],
        ['microsoft.machinelearningservices/workspaces', 'Azure Machine Learning', 'AI and Machine Learning'],
        ['microsoft.network/applicationgateways', 'Application Gateway', 'Networking'],
        ['microsoft.network/azurefirewalls', 'Azure Firewall', 'Networking'],
        ['microsoft.network/loadbalancers', 'Load Balancer', 'Networking'],
        ['microsoft.operationalinsights/workspaces', 'Log Analytics', 'Management and Governance'],
        ['microsoft.search/searchservices', 'Azure AI Search', 'Analytics'],
        ['microsoft.servicebus/namespaces', 'Service Bus', 'Integration'],
        ['microsoft.sql/managedinstances', 'Azure SQL Managed Instance', 'Databases'],
        ['microsoft.sql/servers', 'SQL Database', 'Databases'],
        ['microsoft.storage/storageaccounts', 'Storage Accounts', 'Storage'],
        ['microsoft.support/supportplans', 'Azure Support', 'Other'],
        ['microsoft.synapse/workspaces', 'Azure Synapse Analytics', 'Analytics'],
        ['microsoft.web/serverfarms', 'Azure App Service', 'Web'],
        ['microsoft.web/sites', 'Azure App Service', 'Web']
    ]) }}
{%- endmacro %}

{# [MeterCategory in lower case, ServiceName, ServiceCategory]: what decides where the resource type does not. #}
{% macro azure_meter_services() -%}
    {{ return([
        ['advanced data security', 'Microsoft Defender for Cloud', 'Security'],
        ['advanced threat protection', 'Microsoft Defender for Cloud', 'Security'],
        ['api management', 'API Management', 'Integration'],
        ['application gateway', 'Application Gateway', 'Networking'],
        ['application insights', 'Application Insights', 'Management and Governance'],
        ['automation', 'Azure Automation', 'Management and Governance'],
        ['azure ai foundry', 'Azure AI Services', 'AI and Machine Learning'],
        ['azure ai search', 'Azure AI Search', 'Analytics'],
        ['azure ai services', 'Azure AI Services', 'AI and Machine Learning'],
        ['azure app service', 'Azure App Service', 'Web'],
        ['azure applied ai services', 'Azure AI Services', 'AI and Machine Learning'],
        ['azure bastion', 'Azure Bastion', 'Networking'],
        ['azure cognitive search', 'Azure AI Search', 'Analytics'],
        ['azure container apps', 'Azure Container Apps', 'Compute'],
        ['azure cosmos db', 'Azure Cosmos DB', 'Databases'],
        ['azure data explorer', 'Azure Data Explorer', 'Analytics'],
        ['azure data factory v2', 'Data Factory', 'Integration'],
        ['azure database for mysql', 'Azure Database for MySQL', 'Databases'],
        ['azure database for postgresql', 'Azure Database for PostgreSQL', 'Databases'],
        ['azure databricks', 'Azure Databricks', 'Analytics'],
        ['azure dns', 'Azure DNS', 'Networking'],
        ['azure firewall', 'Azure Firewall', 'Networking'],
        ['azure front door service', 'Azure Front Door', 'Networking'],
        ['azure kubernetes service', 'Azure Kubernetes Service', 'Compute'],
        ['azure machine learning', 'Azure Machine Learning', 'AI and Machine Learning'],
        ['azure monitor', 'Azure Monitor', 'Management and Governance'],
        ['azure openai', 'Azure OpenAI', 'AI and Machine Learning'],
        ['azure openai service', 'Azure OpenAI', 'AI and Machine Learning'],
        ['azure support', 'Azure Support', 'Other'],
        ['azure synapse analytics', 'Azure Synapse Analytics', 'Analytics'],
        ['bandwidth', 'Bandwidth', 'Networking'],
        ['cognitive services', 'Azure AI Services', 'AI and Machine Learning'],
        ['container instances', 'Container Instances', 'Compute'],
        ['container registry', 'Container Registry', 'Developer Tools'],
        ['event grid', 'Event Grid', 'Integration'],
        ['event hubs', 'Event Hubs', 'Integration'],
        ['expressroute', 'ExpressRoute', 'Networking'],
        ['foundry models', 'Azure OpenAI', 'AI and Machine Learning'],
        ['foundry tools', 'Azure AI Services', 'AI and Machine Learning'],
        ['functions', 'Azure Functions', 'Compute'],
        ['key vault', 'Key Vault', 'Security'],
        ['load balancer', 'Load Balancer', 'Networking'],
        ['log analytics', 'Log Analytics', 'Management and Governance'],
        ['logic apps', 'Logic Apps', 'Integration'],
        ['microsoft defender for cloud', 'Microsoft Defender for Cloud', 'Security'],
        ['nat gateway', 'NAT Gateway', 'Networking'],
        ['network watcher', 'Network Watcher', 'Networking'],
        ['redis cache', 'Azure Cache for Redis', 'Databases'],
        ['sentinel', 'Microsoft Sentinel', 'Security'],
        ['service bus', 'Service Bus', 'Integration'],
        ['sql database', 'SQL Database', 'Databases'],
        ['sql managed instance', 'Azure SQL Managed Instance', 'Databases'],
        ['storage', 'Storage Accounts', 'Storage'],
        ['support', 'Azure Support', 'Other'],
        ['virtual machines', 'Virtual Machines', 'Compute'],
        ['virtual machines licenses', 'Virtual Machines', 'Compute'],
        ['virtual network', 'Virtual Network', 'Networking'],
        ['vpn gateway', 'VPN Gateway', 'Networking']
    ]) }}
{%- endmacro %}

{# [ServiceFamily in lower case, ServiceCategory]: for meters that are in neither list. #}
{% macro azure_family_categories() -%}
    {{ return([
        ['ai + machine learning', 'AI and Machine Learning'],
        ['analytics', 'Analytics'],
        ['compute', 'Compute'],
        ['containers', 'Compute'],
        ['databases', 'Databases'],
        ['developer tools', 'Developer Tools'],
        ['identity', 'Identity'],
        ['integration', 'Integration'],
        ['internet of things', 'Internet of Things'],
        ['management and governance', 'Management and Governance'],
        ['media', 'Media'],
        ['networking', 'Networking'],
        ['security', 'Security'],
        ['storage', 'Storage'],
        ['web', 'Web']
    ]) }}
{%- endmacro %}

{# A query of such a list as a table. #}
{% macro rows_of(entries, columns) -%}
    select * from (
        values
        {%- for entry in entries %}
        ({%- for value in entry %}'{{ value }}'{{ ', ' if not loop.last }}{% endfor %}){{ ',' if not loop.last }}
        {%- endfor %}
    ) as listed ({{ columns | join(', ') }})
{%- endmacro %}
