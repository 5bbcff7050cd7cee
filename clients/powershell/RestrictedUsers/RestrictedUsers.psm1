#Requires -Version 5.1

# What an answer does not have is $null here, also in a session that is strict.
Set-StrictMode -Off

# The server and the token of this session, once Connect-RestrictedUsers was called.
$script:Connection = $null

function Connect-RestrictedUsers {
    <#
    .SYNOPSIS
    Says which server the other commands talk to, and with which token.

    .DESCRIPTION
    Nothing is sent yet. The token is kept in this PowerShell session alone, and sent to this server alone.

    .PARAMETER Uri
    Scheme, host and port of the server. Without it RESTRICTED_USERS_URL is taken, else http://127.0.0.1:8080.

    .PARAMETER Token
    The token, as `restricted-users token create` prints it. Without it RESTRICTED_USERS_TOKEN is taken.

    .EXAMPLE
    Connect-RestrictedUsers -Uri https://restricted.example.org -Token (Read-Host -AsSecureString 'Token')

    .EXAMPLE
    $env:RESTRICTED_USERS_TOKEN = Get-Secret -Name RestrictedUsers -AsPlainText
    Connect-RestrictedUsers -Uri https://restricted.example.org
    #>
    [CmdletBinding()]
    param(
        [ValidateNotNull()]
        [uri] $Uri,

        [ValidateNotNull()]
        [securestring] $Token
    )

    if (-not $Uri) {
        $Uri = if ($env:RESTRICTED_USERS_URL) { $env:RESTRICTED_USERS_URL } else { 'http://127.0.0.1:8080' }
    }
    if (-not $Uri.IsAbsoluteUri -or $Uri.Scheme -notin 'http', 'https' -or $Uri.PathAndQuery -ne '/') {
        throw "Uri is '$Uri', but it takes scheme, host and port, such as https://restricted.example.org."
    }
    if (-not $Token) {
        if (-not $env:RESTRICTED_USERS_TOKEN) {
            throw 'There is no token: give one with -Token, or set RESTRICTED_USERS_TOKEN.'
        }
        $Token = ConvertTo-SecureString -String $env:RESTRICTED_USERS_TOKEN.Trim() -AsPlainText -Force
    }
    if ($PSVersionTable.PSEdition -eq 'Desktop') {
        # Windows PowerShell offers no TLS by itself that a server of today takes.
        $tls = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12
        [Net.ServicePointManager]::SecurityProtocol = $tls
    }
    $script:Connection = @{ Server = $Uri.GetLeftPart([UriPartial]::Authority); Token = $Token }
}

function Get-BlockedSenderAddress {
    <#
    .SYNOPSIS
    Lists the senders who are restricted, or one of them.

    .DESCRIPTION
    Every restricted sender comes as an object with SenderAddress, Reason, CreatedDatetime, ChangedDatetime and TemporaryBlock,
    page after page as the server sends them. A sender whose unblock has not taken effect yet is listed still.

    .PARAMETER SenderAddress
    This sender alone. Objects in the pipeline that have this property are looked up one by one.

    .EXAMPLE
    Get-BlockedSenderAddress | Export-Csv blocked.csv -NoTypeInformation

    Writes a file that `restricted-users import` reads.

    .EXAMPLE
    Get-BlockedSenderAddress -SenderAddress alice@example.org
    #>
    [CmdletBinding()]
    [OutputType([psobject])]
    param(
        [Parameter(ValueFromPipelineByPropertyName)]
        [ValidateNotNullOrEmpty()]
        [string] $SenderAddress
    )

    process {
        $parameters = @{}
        if ($SenderAddress) {
            $parameters['SenderAddress'] = $SenderAddress
        }
        Invoke-ServerCmdlet -Name 'Get-BlockedSenderAddress' -Parameters $parameters
    }
}

function Remove-BlockedSenderAddress {
    <#
    .SYNOPSIS
    Unblocks senders.

    .DESCRIPTION
    An unblock takes effect after the propagation delay of the server, up to 30 minutes; until then the sender stays listed.

    .PARAMETER SenderAddress
    The sender to unblock; comes from the pipeline, too.

    .PARAMETER Reason
    Why, for the history and the audit log. It is not taken from the pipeline, where Reason is why the sender was blocked.

    .EXAMPLE
    Remove-BlockedSenderAddress -SenderAddress alice@example.org -Reason 'New password, MFA is on'

    .EXAMPLE
    Get-BlockedSenderAddress | Where-Object Reason -like 'OutboundSpam*' | Remove-BlockedSenderAddress -WhatIf

    Says who would be unblocked, and unblocks nobody.
    #>
    [CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'Medium')]
    param(
        [Parameter(Mandatory, ValueFromPipelineByPropertyName)]
        [ValidateNotNullOrEmpty()]
        [string] $SenderAddress,

        [string] $Reason
    )

    process {
        if (-not $PSCmdlet.ShouldProcess($SenderAddress, 'Unblock')) {
            return
        }
        $parameters = @{ SenderAddress = $SenderAddress }
        if ($Reason) {
            $parameters['Reason'] = $Reason
        }
        Invoke-ServerCmdlet -Name 'Remove-BlockedSenderAddress' -Parameters $parameters
    }
}

# Sends a cmdlet to the server and follows its pages; what fails becomes an error and not an exception, so that the rest of a
# pipeline goes on.
function Invoke-ServerCmdlet {
    [CmdletBinding()]
    param(
        [string] $Name,
        [hashtable] $Parameters
    )

    if (-not $script:Connection) {
        throw 'There is no connection: call Connect-RestrictedUsers first.'
    }
    $body = @{ CmdletInput = @{ CmdletName = $Name; Parameters = $Parameters } } | ConvertTo-Json -Depth 5 -Compress
    $request = @{
        Method             = 'Post'
        # As bytes: Windows PowerShell would send a string as ISO-8859-1.
        Body               = [Text.Encoding]::UTF8.GetBytes($body)
        ContentType        = 'application/json; charset=utf-8'
        Headers            = @{
            Authorization = 'Bearer ' + [Net.NetworkCredential]::new('', $script:Connection.Token).Password
            Prefer        = 'odata.maxpagesize=1000'
        }
        # A redirect could lead the token elsewhere.
        MaximumRedirection = 0
        TimeoutSec         = 60
        ErrorAction        = 'Stop'
    }
    $path = '/adminapi/beta/organization/InvokeCommand'
    while ($path) {
        try {
            $answer = Invoke-RestMethod @request -Uri ($script:Connection.Server + $path)
        }
        catch {
            $target = $Parameters['SenderAddress']
            Write-Error -Message (Get-FailureText $_) -ErrorId "$Name.Failed" -TargetObject $target
            return
        }
        foreach ($warning in $answer.'@adminapi.warnings') {
            Write-Warning $warning
        }
        foreach ($item in $answer.value) {
            $item
        }
        # The path alone: the token goes to the server that was named, whatever a page says.
        $next = $answer.'@odata.nextLink'
        $path = if ($next) { ([uri] $next).PathAndQuery }
    }
}

# What the server says of a failure. Its useful text is JSON inside a string, as in Exchange; a token that is not known is told
# by a problem document (RFC 9457).
function Get-FailureText {
    param(
        [Management.Automation.ErrorRecord] $Failure
    )

    $text = if ($Failure.ErrorDetails) { $Failure.ErrorDetails.Message }
    try {
        $body = ConvertFrom-Json -InputObject $text
        foreach ($detail in $body.error.details) {
            $inner = ConvertFrom-Json -InputObject $detail.message
            if ($inner.Message) { return $inner.Message }
        }
        if ($body.error.message) { return $body.error.message }
        if ($body.detail) { return $body.detail }
    }
    catch {
        Write-Debug "The server's answer is no JSON: $_"
    }
    return $Failure.Exception.Message
}

Export-ModuleMember -Function @('Connect-RestrictedUsers', 'Get-BlockedSenderAddress', 'Remove-BlockedSenderAddress')
