# What Stripe.js asks before it shows the Payment Element.
# SPDX-License-Identifier: Apache-2.0
package Sandbox::Elements;
use strict;
use warnings;
use Sandbox::Error;
use Sandbox::Ids qw(new_id);
use Sandbox::PaymentIntents;

my %OVER = map { $_ => 1 } qw(succeeded processing requires_capture canceled);

# Refuses the client secret of a payment that is over, as the real one does.
sub session {
    my ($context, $params) = @_;
    my $secret = $params->{client_secret} // '';
    my ($id) = $secret =~ /\A(pi_\w+)_secret_\w+\z/
        or Sandbox::Error->throw(invalid => "Invalid value for elements(): clientSecret should be a client secret of the form "
            . '${id}_secret_${secret}.', param => 'client_secret');
    my $payment = Sandbox::PaymentIntents::need($context, $id, $params);
    Sandbox::Error->throw(unexpected_state => 'This PaymentIntent is in a terminal state and cannot be used to initialize Elements.',
        payment_intent => {%$payment}) if $OVER{ $payment->{status} };
    return {
        object             => 'elements_session',
        session_id         => new_id('session'),
        payment_method_preference => {
            object => 'payment_method_preference', ordered_payment_method_types => ['card'],
            payment_intent => Sandbox::PaymentIntents::public_view($payment),
        },
    };
}

1;
