@{
    RootModule           = 'RestrictedUsers.psm1'
    ModuleVersion        = '0.1.0'
    GUID                 = '6f3b8f0e-6a55-4d1c-9a57-2a1f7c1d9b44'
    Author               = 'Restricted Users'
    Copyright            = 'MIT OR Apache-2.0'
    Description          = 'Lists the senders that Restricted Users keeps from sending mail, and lets them back in.'
    PowerShellVersion    = '5.1'
    CompatiblePSEditions = @('Desktop', 'Core')
    FunctionsToExport    = @('Connect-RestrictedUsers', 'Get-BlockedSenderAddress', 'Remove-BlockedSenderAddress')
    CmdletsToExport      = @()
    VariablesToExport    = @()
    AliasesToExport      = @()
}
